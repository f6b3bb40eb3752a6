"""NumPy's files: one array in an .npy, several in an .npz."""

import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile

from odes_rl.errors import UserError, one_line

_DAMAGE = (
    OSError,
    EOFError,
    TypeError,
    ValueError,
    OverflowError,
    MemoryError,
    RuntimeError,
    zlib.error,
    zipfile.BadZipFile,
    tokenize.TokenError,
)
"""Exceptions of NumPy and zipfile for damaged files; a wrong size in a header can request too much memory."""


def read_npy(path: Path, *, mapped: bool = False) -> np.ndarray:
    """The array in the .npy file at `path`; `mapped`, its parts are read where they are used.

    Raises:
        UserError: if the file cannot be read, or holds something else.
    """
    with _damage_told(path, ".npy"):
        return _expect(np.ndarray, np.load(path, mmap_mode="r" if mapped else None))


def read_npz(path: Path, choices: Sequence[Sequence[str]]) -> list[np.ndarray]:
    """The arrays in the .npz file at `path` by the names of the first of `choices` that it has all of.

    Raises:
        UserError: if the file cannot be read, or has none of `choices`.
    """
    with _damage_told(path, ".npz"), _expect(NpzFile, np.load(path)) as archive:
        found = list(archive)
        names = next((names for names in choices if set(names) <= set(found)), None)
        arrays = [_expect(np.ndarray, archive[name]) for name in names or ()]
    if names is None:
        allowed = ", or ".join(", ".join(names) for names in choices)
        raise UserError(f"{str(path)!r} has {', '.join(found) or 'nothing'}, but must have all of {allowed}")
    return arrays


def _expect(kind: type, content: Any) -> Any:
    if not isinstance(content, kind):
        raise ValueError(f"it holds {type(content).__name__}")
    return content


@contextmanager
def _damage_told(path: Path, suffix: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        told, fix = one_line(error) or type(error).__name__, "fetch it again"
        if "allow_pickle" in told:
            told, fix = "it holds Python's objects, not arrays", "of CIFAR's files, give their directory"
        raise UserError(f"{str(path)!r} is not a valid {suffix} file: {told}; {fix}") from None
