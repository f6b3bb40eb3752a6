"""The IDX files in which MNIST was published, plain or compressed."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from odes_rl.errors import UserError

_UINT8 = 8
_GZIP = b"\x1f\x8b"
"""How a compressed file begins; some programs unpack one and keep its name."""


def read_idx(path: Path) -> np.ndarray:
    """The array of bytes in the IDX file at `path`, which may be compressed by gzip.

    Raises:
        UserError: if it cannot be read, is of another type, or is cut.
    """
    content = _read_bytes(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UINT8:
        raise UserError(f"{str(path)!r} is not an IDX file of bytes: it must begin with 0, 0, 8 and the number of axes")
    axes = content[3]
    if axes not in (1, 3):
        raise UserError(f"{str(path)!r} has {axes} axes, but must have 1, of labels, or 3, of images: fetch it again")
    header = 4 + 4 * axes
    shape = np.frombuffer(content, ">u4", axes, 4).tolist() if len(content) >= header else None
    expected = "more" if shape is None else header + math.prod(shape)
    if len(content) != expected:
        raise UserError(f"{str(path)!r} has {len(content)} bytes, but its header requires {expected}: fetch it again")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def find_idx(directory: Path, split: str, what: str) -> Path:
    """The file of that `split` (train, t10k) and of `what` is in it (images-idx3, labels-idx1), under either name.

    Raises:
        UserError: if there is none.
    """
    names = [f"{split}-{what.replace('-', separator)}-ubyte" for separator in "-."]
    for name in (*names, *(f"{name}.gz" for name in names)):
        if (directory / name).is_file():
            return directory / name
    raise UserError(f"{str(directory)!r} has no {names[0]}, nor {names[0]}.gz: put MNIST's four IDX files there")


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP) else content
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{str(path)!r} cannot be read: {error}; fetch it again") from None
