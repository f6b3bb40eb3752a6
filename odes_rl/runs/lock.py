"""One trainer a run. Free of JAX."""

import errno
import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from odes_rl.errors import UserError
from odes_rl.runs.files import LOCK

_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
_log = logging.getLogger(__name__)


@contextmanager
def only_trainer(directory: Path) -> Iterator[None]:
    """Keep every other process, while this lasts, from training the run in `directory`, which exists.

    The system gives the lock back however this process ends. The empty file stays: removing it would let two
    processes lock two files of one name. Where the file system has no locks, there is a warning instead.

    Raises:
        UserError: if another process trains it.
    """
    with (directory / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{str(directory)!r} is being trained by another process: let it finish, or interrupt it first"
            ) from None
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
            _log.warning(
                "%s is on a file system without file locks: make sure that only one process trains it", directory
            )
        yield
