"""Policies as files that other programs act with: NumPy archives, ONNX and StableHLO."""

from odes_rl.export.heads import Bounds, Choices, array_head
from odes_rl.export.portable import PortablePolicy
from odes_rl.export.writing import DTYPES, FORMATS, Format, check_target, choose_format, write_policy

__all__ = [
    "DTYPES",
    "FORMATS",
    "Bounds",
    "Choices",
    "Format",
    "PortablePolicy",
    "array_head",
    "check_target",
    "choose_format",
    "write_policy",
]
