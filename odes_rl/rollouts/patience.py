"""A sign of life while no episode ends. Free of JAX."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from odes_rl.rollouts.board import PENDING, Board

SECONDS = 10.0
"""Without the end of an episode, before the first line; each further one comes after twice as long."""
_log = logging.getLogger(__name__)


@contextmanager
def telling_steps(task: str, board: Board) -> Iterator[None]:
    """Tell of the steps taken on `board` whenever, for long, no episode of `task` has ended."""
    over = threading.Event()
    thread = threading.Thread(target=_tell, args=(task, board, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _tell(task: str, board: Board, over: threading.Event) -> None:
    pause, waited, finished = SECONDS, 0.0, 0
    while not over.wait(pause):
        done, waited = int(board.done.sum()), waited + pause
        if done != finished:
            finished, pause, waited = done, SECONDS, 0.0
            continue
        running = int(((board.claims != PENDING) & ~board.done).sum())
        steps = int(board.lengths[~board.done].sum())
        _log.warning(
            "%s: no episode has ended for %g s; %d are running, with %s environment steps so far",
            *(task, waited, running, f"{steps:,}"),
        )
        pause = waited
