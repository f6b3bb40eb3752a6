"""Where compiled code is kept from one process to the next: JAX's programs and numba's kernels. Free of JAX.

It lies in `odes_rl` in XDG_CACHE_HOME, or in ~/.cache. The variable ODES_RL_CACHE names another directory, or is `off`.
"""

import hashlib
import os
import platform
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

VARIABLE = "ODES_RL_CACHE"
KINDS = ("programs", "kernels")
LIMIT = 512 * 2**20
"""Bytes of all that is kept; what was used longest ago goes first."""
_EVERY = 3600.0
"""Seconds from one look at the size to the next."""
_PACKAGES = ("odes-rl", "jax", "jaxlib", "numba", "llvmlite", "numpy", "mujoco")
"""Compilers, and what compiled code calls."""
_JAX_DIRECTORY = "JAX_COMPILATION_CACHE_DIR"
_JAX_LEAST_SECONDS = "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"


def cache_directory(kind: str) -> Path | None:
    """The directory for `programs` or `kernels`; None if nothing is to be kept, or it cannot be written."""
    assert kind in KINDS, kind
    root = _root()
    return root / kind if root and _is_writable(root / kind) else None


def program_cache(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that have JAX keep what it compiles, for a process with that `environment`.

    They must be set before it imports JAX. Empty if the user chose a directory, or nothing can be kept.
    """
    directory = cache_directory("programs")
    chosen = environment.get(_JAX_DIRECTORY)
    if directory is None or (chosen and Path(chosen).parent != directory):  # else it is one that a parent process set
        return {}
    return {
        _JAX_DIRECTORY: str(directory / f"{versions()}-{_cores(environment.get('PJRT_NPROC', ''))}"),
        _JAX_LEAST_SECONDS: environment.get(_JAX_LEAST_SECONDS, "0.1"),
    }


def keep_programs() -> None:
    """Have JAX, if it is not imported yet, keep what it compiles; forget what was used longest ago."""
    os.environ.update(program_cache())
    for action in ("reading", "writing"):  # as of a full disk: the program is compiled, and nothing is lost but time
        warnings.filterwarnings("ignore", message=f"Error {action} persistent compilation cache")
    root = _root()
    if root is not None:
        with suppress(OSError):
            _prune_now_and_then(root)


def _root() -> Path | None:
    chosen = os.environ.get(VARIABLE)
    if chosen == "off":
        return None
    if chosen:
        return Path(chosen).absolute()
    with suppress(RuntimeError):  # there is no home
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "odes_rl").absolute()
    return None


def _is_writable(path: Path) -> bool:
    """Whether files can be made in a directory, which itself may have to be made."""
    try:
        existing = next(parent for parent in (path, *path.parents) if parent.exists())
        return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    except OSError:  # as of the home of another user
        return False


@cache
def versions() -> str:
    """A digest of the versions and the processor that compiled code was made with, and for."""
    known = [f"{name} {_version(name)}" for name in _PACKAGES]
    return digest("\n".join([*known, sys.version, platform.platform(), *_processor()]).encode())


def _cores(chosen: str) -> str:
    """By their number XLA splits large products: a program for two rounds otherwise than one for a single core.

    JAX's own keys have versions and the processor's features, too, but not this number.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return chosen or str(affinity)


def digest(data: bytes) -> str:
    """Sixteen characters that stand for `data`."""
    return hashlib.sha256(data).hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _processor() -> list[str]:
    """The processor's name and features, as Linux tells them."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return [platform.processor()]
    first = text.partition("\n\n")[0].splitlines()
    return [line for line in first if line.startswith(("vendor", "model", "cpu family", "CPU ", "flags", "Features"))]


class _File(NamedTuple):
    used: float
    size: int
    path: Path


def _prune_now_and_then(root: Path) -> None:
    stamp = root / "pruned"
    if not root.is_dir() or (stamp.exists() and abs(time.time() - stamp.stat().st_mtime) < _EVERY):
        return
    stamp.touch()
    prune(root)


def prune(root: Path, limit: int = LIMIT) -> None:
    """Remove what was used longest ago until `programs` and `kernels` in `root` hold at most `limit` bytes.

    Another process may lose what it was about to read; it then compiles anew.
    """
    files = sorted(_files(root))
    excess = sum(file.size for file in files) - limit
    for file in files:
        if excess <= 0:
            break
        with suppress(OSError):
            file.path.unlink()
        excess -= file.size


def _files(root: Path) -> Iterator[_File]:
    for kind in KINDS:
        for path in (root / kind).rglob("*"):
            with suppress(OSError):  # another process has removed it
                status = path.stat()
                if path.is_file():
                    yield _File(max(status.st_atime, status.st_mtime), status.st_size, path)
