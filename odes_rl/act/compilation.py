"""How kernels are compiled, and where they are kept between runs. Free of JAX."""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numba
from numba import types
from numba.core.caching import FunctionCache

from odes_rl.caching import cache_directory, digest, versions

_log = logging.getLogger(__name__)
_SOURCES = (
    *("act/*.py", "rollouts/native/*.py", "rollouts/physics/description.py"),
    *("rollouts/batches.py", "rollouts/board.py", "supervised/data/crc32c.py"),
)
"""Of everything that is compiled, and of the types it works on."""


def _keep_with_its_sources() -> None:
    """Have numba keep compiled code in a directory named after versions, and all sources it is made from.

    By itself numba looks at the date and size of the file that a function stands in, and would go on using one that
    calls something since changed in another file. The user's NUMBA_CACHE_DIR comes first.
    """
    directory = cache_directory("kernels")
    if directory and not numba.config.CACHE_DIR:  # type: ignore[attr-defined]
        numba.config.CACHE_DIR = str(directory / f"{versions()}-{_sources()}")  # type: ignore[attr-defined]


def _sources() -> str:
    package = Path(__file__).parents[1]
    files = sorted(path for pattern in _SOURCES for path in package.glob(pattern))
    return digest(b"\0".join(path.read_bytes() for path in files))


class _Cache(FunctionCache):
    """Keeps what is compiled for types of our own.

    What is kept of a function is found by one list of signatures, and a process that cannot import a class in one of
    them can read none: a class of the user's must not get there. A full disk, or a directory that is gone or damaged,
    costs time alone.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except (OSError, EOFError, UnpicklingError) as error:
            _log.debug("cannot read compiled code: %s", error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        if all(map(_loads_anywhere, sig)):
            try:
                super().save_overload(sig, data)
            except (OSError, EOFError, UnpicklingError) as error:
                _log.debug("cannot keep compiled code: %s", error)


def _loads_anywhere(kind: Any) -> bool:
    """Whether every process can import the classes that a numba type is made of."""
    named = getattr(kind, "instance_class", None)
    entries: Any = kind if isinstance(kind, types.BaseTuple) else ()
    return (named is None or is_ours(named)) and all(map(_loads_anywhere, entries))


def is_ours(thing: Any) -> bool:
    """Whether a class or a function is defined in this package."""
    return f"{thing.__module__}.".startswith("odes_rl.")


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorates a function that is compiled when first called, and kept for the next process; options are numba's."""
    if function is None:
        return partial(compiled, **options)
    dispatcher: Any = numba.njit(**options)(function)
    directory: Any = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    if directory:
        with suppress(RuntimeError):  # it cannot be written, and neither can what numba tries then
            cache = _Cache(function)
            if Path(cache.cache_path).is_relative_to(directory):
                dispatcher._cache = cache  # as its own enable_caching does
    return dispatcher


_keep_with_its_sources()
