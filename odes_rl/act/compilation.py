"""How kernels are compiled, and where they are kept between runs. Free of JAX."""

import hashlib
import os
from functools import partial
from pathlib import Path

import numba

_SOURCES = ("act/*.py", "rollouts/native/*.py", "rollouts/batches.py", "rollouts/board.py")
"""Of everything that is compiled, and of the types it works on."""


def _keep_with_its_sources() -> None:
    """Have numba keep compiled code in a directory named after all sources it is made from.

    By itself numba looks at the date and size of the file that a function stands in, and would go on using one that
    calls something since changed in another file. The user's NUMBA_CACHE_DIR comes first.
    """
    if not numba.config.CACHE_DIR:  # type: ignore[attr-defined]
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        numba.config.CACHE_DIR = str(Path(cache) / "odes_rl" / _digest())  # type: ignore[attr-defined]


def _digest() -> str:
    package = Path(__file__).parents[1]
    files = sorted(path for pattern in _SOURCES for path in package.glob(pattern))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]


_keep_with_its_sources()
compiled = partial(numba.njit, cache=True)
"""Decorates a function that is compiled when first called, and kept for the next process; options are numba's."""
