"""A sign of life while no episode ends, or something else takes long. Free of JAX."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from odes_rl.rollouts.board import PENDING, Board

SECONDS = 10.0
"""Before the first line; each further one comes after twice as long."""
_log = logging.getLogger(__name__)


@contextmanager
def telling_steps(task: str, board: Board) -> Iterator[None]:
    """Tell of the steps taken on `board` whenever, for long, no episode of `task` has ended."""
    with _beside(partial(_tell_steps, task, board)):
        yield


@contextmanager
def telling_time(doing: str) -> Iterator[None]:
    """Tell how long `doing` has taken whenever it takes long."""
    with _beside(partial(_tell_time, doing)):
        yield


@contextmanager
def _beside(tell: Callable[[threading.Event], None]) -> Iterator[None]:
    """`tell(over)` in a thread; `over` is set when the context ends."""
    over = threading.Event()
    thread = threading.Thread(target=tell, args=(over,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _tell_time(doing: str, over: threading.Event) -> None:
    pause, waited = SECONDS, 0.0
    while not over.wait(pause):
        waited += pause
        _log.warning("%s has taken %g s so far", doing, waited)
        pause = waited


def _tell_steps(task: str, board: Board, over: threading.Event) -> None:
    pause, waited, finished = SECONDS, 0.0, 0
    while not over.wait(pause):
        done, waited = int(board.done.sum()), waited + pause
        if done != finished:
            finished, pause, waited = done, SECONDS, 0.0
            continue
        running = int(((board.claims != PENDING) & ~board.done).sum())
        steps = int(board.lengths[~board.done].sum())
        compiling = "" if steps or finished else "; what steps the episodes may still be compiled"
        _log.warning(
            "%s: no episode has ended for %g s; %d are running, with %s environment steps so far%s",
            *(task, waited, running, f"{steps:,}", compiling),
        )
        pause = waited
