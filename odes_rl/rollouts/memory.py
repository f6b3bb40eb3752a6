"""Memory that processes share through an inherited file descriptor. Free of JAX.

It has no name: nothing is left behind, however the processes end.
"""

import fcntl
import mmap
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager


def create() -> int:
    """A file descriptor of new, empty memory."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("odes_rl")
    with tempfile.TemporaryFile() as file:  # macOS: an unlinked file serves the same end
        return os.dup(file.fileno())


def view(descriptor: int, size: int) -> mmap.mmap:
    """The first `size` bytes of the memory, which grows if it is smaller."""
    if os.fstat(descriptor).st_size < size:
        os.ftruncate(descriptor, size)
    return mmap.mmap(descriptor, size)


@contextmanager
def locked(descriptor: int, patience: float | None = None) -> Iterator[None]:
    """Hold the lock between processes that is tied to the file; the system frees it if its holder dies.

    Closing any descriptor of the file frees it too, a mapping's among them: lock a file that nothing else uses.
    Waits for `patience` seconds, or until it is free if that is None.

    Raises:
        TimeoutError: if somebody else held it all the while.
    """
    if patience is None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX)
    else:
        _lock_within(descriptor, patience)
    try:
        yield
    finally:
        fcntl.lockf(descriptor, fcntl.LOCK_UN)


def _lock_within(descriptor: int, patience: float) -> None:
    end, pause = time.monotonic() + patience, 1e-4  # a holder needs microseconds, unless it is stopped
    while True:
        try:
            return fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # which of the two is the system's choice
            if time.monotonic() > end:
                raise TimeoutError(f"the lock was not free within {patience:g} s") from None
        time.sleep(pause)
        pause = min(2 * pause, 0.1)
