"""Exports a policy to a file, in one of the formats."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from odes_rl.errors import UserError, check_name
from odes_rl.export.archive import archive
from odes_rl.export.onnx_model import onnx_model
from odes_rl.export.portable import PortablePolicy
from odes_rl.runs.files import replace_bytes, writing_to


class Format(NamedTuple):
    """A format of exported policies.

    Attributes:
        encode: `encode(policy, dtype) -> bytes`, of a policy that takes observations of `dtype`.
        summary: one sentence.
    """

    encode: Callable[[PortablePolicy, np.dtype], bytes]
    summary: str


def _stablehlo(policy: PortablePolicy, dtype: np.dtype) -> bytes:
    from odes_rl.export.stablehlo import stablehlo

    return stablehlo(policy, dtype)


FORMATS = {
    "npz": Format(lambda policy, dtype: archive(policy), "A NumPy archive of its arrays."),
    "onnx": Format(onnx_model, "A graph for ONNX runtimes."),
    "stablehlo": Format(_stablehlo, "A function for JAX and compilers of StableHLO."),
}
"""The formats by name, which is the ending of their files, too."""
DTYPES = ("float64", "float32")
"""Types of the observations that an exported policy takes."""


def choose_format(path: str | Path | None, format: str | None) -> str:
    """The name of the format: `format` itself, that of the file's ending, or npz if neither is given.

    Raises:
        UserError: if there is no such format, or the ending of `path` is that of another or, without `format`, of none.
    """
    ending = "npz" if path is None else Path(path).suffix.lower().removeprefix(".")
    if format is not None:
        check_name("format", format, FORMATS)
    if ending not in FORMATS and format is None:
        endings = " or ".join(f".{name}" for name in FORMATS)
        raise UserError(f"output is {str(path)!r}, but must end in {endings}, or a format must be given")
    if path is not None and format not in (None, ending) and ending in FORMATS:
        raise UserError(f"output is {str(path)!r}, but the format is {format}: give the file the ending .{format}")
    return format or ending


def check_target(path: str | Path) -> Path:
    """The file at `path`.

    Raises:
        UserError: if that is a directory, or lies in none.
    """
    target = Path(path)
    if target.is_dir() or not target.absolute().parent.is_dir():
        reason = "that is a directory" if target.is_dir() else f"there is no directory {str(target.parent)!r}"
        raise UserError(f"output is {str(path)!r}, but {reason}: name a file in an existing directory")
    return target


def write_policy(policy: PortablePolicy, path: str | Path, format: str | None = None, dtype: str = "float64") -> Path:
    """Write the policy to the file at `path`, for observations of `dtype`, float64 or float32; the file.

    Raises:
        UserError: as `choose_format` and `check_target`; a `dtype` that the format does not have; a package that it
            needs is missing; an act rule that it cannot hold.
        StorageError: if the file cannot be written.
    """
    chosen, target = choose_format(path, format), check_target(path)
    check_name("dtype", dtype, DTYPES)
    if chosen == "npz" and dtype != DTYPES[0]:
        raise UserError(f"dtype is {dtype}, but a policy in the format npz takes any: leave it out")
    # Or a runtime without float64 could not normalise.
    typed = policy._replace(mean=policy.mean.astype(dtype), deviation=policy.deviation.astype(dtype))
    content = FORMATS[chosen].encode(typed, np.dtype(dtype))
    with writing_to(target.parent):
        replace_bytes(target, content)
    return target
