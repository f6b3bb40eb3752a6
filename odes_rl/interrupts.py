"""Signals that ask a program to stop: noted when they come, heeded where it is safe. Free of JAX.

A handler that raises would raise anywhere: inside a garbage collection, which swallows it, or half way through a
checkpoint. So ours only notes the signal, and the program looks at the note at places of its own choice.
"""

import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as future_wait
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as connection_wait
from typing import Any, NamedTuple, NoReturn, TypeVar

Result = TypeVar("Result")
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_LOOK_SECONDS = 0.05
"""Between two looks at the note, while a computation runs."""
_ONE_REQUEST_SECONDS = 0.5
"""Signals so close to the first ask no more than it did: a shell and a terminal both tell of a hang-up."""
_SHOW_CURSOR = b"\x1b[?25h"


class Interrupted(KeyboardInterrupt):
    """A signal asked the program to stop.

    Attributes:
        status: the exit status for it, 128 and the signal's number; a hang-up counts as SIGTERM.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = _status(number)


class _Notes(NamedTuple):
    """The signals received while signals are recorded.

    Attributes:
        first: number of the signal that came first, and when; empty if none did.
        reader: the end of a pipe that is readable once one came.
        writer: the other end.
        abandons: whether computations are left to themselves (`interruptible`).
    """

    first: list[tuple[int, float]]
    reader: int
    writer: int
    abandons: bool


_notes: _Notes | None = None  # None where signals are not noted: handlers belong to the process, and so does this


@contextmanager
def signals_noted(*, abandon: bool = False) -> Iterator[None]:
    """Note SIGINT, SIGTERM and SIGHUP, for `check_interrupted` to raise; a second one ends the process at once.

    With `abandon` no signal waits for a computation: for a program that ends by `leave_after`. A signal that is
    ignored, as SIGHUP is below `nohup`, stays so. Inside another such context, or outside the main thread, which alone
    may set handlers, nothing changes.
    """
    global _notes
    if _notes is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    _notes = _Notes([], reader, writer, abandon)
    woken = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _note) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken)
        _notes = None
        os.close(writer)
        os.close(reader)


def check_interrupted() -> None:
    """Return if no signal came, or none is noted.

    Raises:
        Interrupted: if one came.
    """
    if _notes is not None and _notes.first:
        raise Interrupted(_notes.first[0][0])


@contextmanager
def advising(advice: str) -> Iterator[None]:
    """Say with an interruption inside what to do next."""
    try:
        yield
    except KeyboardInterrupt as interrupted:
        interrupted.add_note(advice)
        raise


def interrupt(number: int = signal.SIGINT) -> None:
    """Ask this program to stop, as that signal does; asking again asks no more.

    Raises:
        KeyboardInterrupt: if signals are not noted.
    """
    if _notes is None:
        raise KeyboardInterrupt
    if not _notes.first:
        _notes.first.append((number, time.monotonic()))
        os.write(_notes.writer, b"!")


def wait_for_any(connections: Sequence[Connection], seconds: float | None) -> list[Connection]:
    """Those of `connections` that have something to read, once one has; none after `seconds`.

    Raises:
        Interrupted: as soon as a signal comes, where signals are noted.
    """
    if _notes is None:
        return connection_wait(connections, seconds)  # pyright: ignore[reportReturnType, reportArgumentType]
    ready = connection_wait([*connections, _notes.reader], seconds)
    check_interrupted()
    if _notes.reader in ready:  # another signal, which is not ours
        os.read(_notes.reader, 4096)
    return [connection for connection in connections if connection in ready]


def interruptible(function: Callable[..., Result], *arguments: Any) -> Result:
    """`function(*arguments)`, which is left to itself if a signal comes meanwhile.

    For what cannot look at the note, such as a compiler, and may be abandoned: it runs in a thread of its own. Where
    nothing is abandoned it is a plain call, and so keeps JAX's contexts, which belong to a thread.

    Raises:
        Interrupted: as soon as a signal comes.
    """
    check_interrupted()
    if _notes is None or not _notes.abandons:
        return function(*arguments)
    future: Future[Result] = Future()

    def work() -> None:
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    while not future_wait([future], _LOOK_SECONDS).done:
        check_interrupted()
    return future.result()


def leave_after(main: Callable[[], int | None]) -> NoReturn:
    """Run `main` and end the process with the status that it returns, 1 if it raises, whatever its threads are doing.

    Threads of an environment that never end, or a computation that was interrupted, would hold up an ordinary end.
    """
    status = 1
    try:
        status = main() or 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # its reader has gone, or it is closed
            stream.flush()
    logging.shutdown()
    _leave_at_once(status)


def _status(number: int) -> int:
    return 128 + (signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)


def _note(number: int, frame: object) -> None:
    assert _notes is not None, number
    if not _notes.first:
        _notes.first.append((number, time.monotonic()))
    elif time.monotonic() - _notes.first[0][1] > _ONE_REQUEST_SECONDS:
        _leave_at_once(_status(_notes.first[0][0]))


def _leave_at_once(status: int) -> NoReturn:
    """End the process in the middle of whatever it does: what is on disk is whole at any moment."""
    with suppress(OSError):
        if os.isatty(1):
            os.write(1, _SHOW_CURSOR)  # which a progress bar hides
    os._exit(status)
