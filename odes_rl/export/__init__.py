"""Policies as files that other programs act with: NumPy archives, ONNX and StableHLO."""

from odes_rl.export.portable import PortablePolicy
from odes_rl.export.writing import DTYPES, FORMATS, Format, check_target, choose_format, write_policy

__all__ = ["DTYPES", "FORMATS", "Format", "PortablePolicy", "check_target", "choose_format", "write_policy"]
