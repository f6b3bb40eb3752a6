"""One trainer a run. Free of JAX."""

import errno
import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from odes_rl.errors import UserError
from odes_rl.interrupts import check_interrupted
from odes_rl.runs.files import LOCK, writing_to

_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
_LOOK_SECONDS = 0.05
_log = logging.getLogger(__name__)


@contextmanager
def only_trainer(directory: Path, patience: float = 0.0) -> Iterator[None]:
    """Keep every other process, while this lasts, from training the run in `directory`, which exists.

    If another process trains it, wait at most `patience` seconds for its end.

    The system gives the lock back however this process ends. The empty file stays: removing it would let two
    processes lock two files of one name. Where the file system has no locks, there is a warning instead.

    Raises:
        UserError: if another process trains it.
        StorageError: if nothing can be written there.
        Interrupted: if a signal comes while this waits.
    """
    deadline = time.monotonic() + patience
    with writing_to(directory):
        file = (directory / LOCK).open("a")
    with file:
        while not _lock(file, directory):
            if time.monotonic() >= deadline:
                raise UserError(
                    f"{str(directory)!r} is being trained by another process: let it finish, or interrupt it first"
                )
            check_interrupted()
            time.sleep(_LOOK_SECONDS)
        yield


def _lock(file: IO[str], directory: Path) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise
        _log.warning("%s is on a file system without file locks: make sure that only one process trains it", directory)
    return True
