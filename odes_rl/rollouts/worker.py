"""A worker process, started as `python -m odes_rl.rollouts.worker`. Free of JAX.

It ends when its trainer does, however that ends: a thread reads commands, and at the end of the pipe the
process closes its environments and exits, and exits at once if it is in the middle of an episode.
"""

import logging
import os
import queue
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from odes_rl.errors import UserError
from odes_rl.interrupts import leave_after
from odes_rl.rollouts import memory
from odes_rl.rollouts.board import Board, Layout
from odes_rl.rollouts.environments import close_all
from odes_rl.rollouts.episodes import AnyLane, run_units
from odes_rl.rollouts.lanes import make_lanes
from odes_rl.rollouts.protocol import EnvironmentFailure, EpisodeSettings
from odes_rl.rollouts.slots import run_slots

ALIVE, ASKING, FINISHED, FAILED, REFUSED = "alive", "asking", "finished", "failed", "refused"
"""What a worker tells: one more of its lanes is made; half of them want actions; no unit is left; one raised; the
task is not one that can be run, which is its user's mistake."""
_NOTICE_SECONDS = 0.2
"""For an idle worker to see that its trainer has gone."""
_CLOSING_SECONDS = 10.0
"""For its environments to close; a trainer that lives waits less."""


class _TrainerGone(Exception):  # noqa: N818 - it is what happened, not an error of ours
    """The trainer has closed its end of the pipe, or has died."""


class _Trainer:
    """The trainer, through the pipe. When it goes, this process has little time to notice it, and then some to end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._received: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._noticed = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def get(self) -> Any:
        """Wait for its next command.

        Raises:
            _TrainerGone: if there will be none.
        """
        command = self._received.get()
        if command is None:
            self._noticed.set()
            raise _TrainerGone
        return command

    def tell(self, answer: str, detail: Any = None) -> None:
        """Answer it, unless it has gone, which `get` will raise."""
        with suppress(OSError):
            self._connection.send((answer, detail))

    def _listen(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                self._received.put(self._connection.recv())
        self._received.put(None)
        if self._noticed.wait(_NOTICE_SECONDS):
            time.sleep(_CLOSING_SECONDS)
        os._exit(0)


def main(command_descriptor: int, memory_descriptor: int, lock_descriptor: int, index: int) -> None:
    """Serve the trainer at the other end of the pipe, until it closes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the trainer's to handle; clusters send them to every process of a job
    connection = Connection(command_descriptor)
    os.register_at_fork(after_in_child=connection.close)  # of an environment's: the pipe has to close with this process
    trainer = _Trainer(connection)
    lanes: list[AnyLane] = []
    try:
        _serve(lanes, trainer, memory_descriptor, lock_descriptor, index)
    except _TrainerGone:
        pass
    except UserError as error:
        trainer.tell(REFUSED, str(error))
    except MemoryError:  # others may have had more luck: it counts as a death
        raise
    except (Exception, SystemExit):  # it would raise in every worker that takes this one's place
        trainer.tell(FAILED, f"a worker raised:\n{traceback.format_exc()}")
    close_all((lane.environment for lane in lanes), logging.DEBUG)


def _serve(lanes: list[AnyLane], trainer: _Trainer, memory_descriptor: int, lock_descriptor: int, index: int) -> None:
    """Make the `lanes`, and run generations in them until the trainer goes."""
    settings, lane_count = trainer.get()
    for lane in make_lanes(EpisodeSettings(*settings), lane_count):
        lanes.append(lane)
        trainer.tell(ALIVE)  # many lanes may together take longer than the trainer waits for a step
    while True:
        layout = Layout(*trainer.get())
        board = layout.place(memory.view(memory_descriptor, layout.size()))
        _work(lanes, board, trainer, lock_descriptor, index)


def _work(lanes: list[AnyLane], board: Board, trainer: _Trainer, lock_descriptor: int, index: int) -> None:
    """Run episodes until none is left, and say so; or with which message an environment raised."""

    def claim() -> int | None:
        with memory.locked(lock_descriptor):
            return board.claim(index)

    def ask(half: int, running: bool) -> None:
        trainer.tell(ASKING, (half, running))

    try:
        if board.units.size:
            run_slots(lanes, board, index * len(lanes), claim, ask, trainer.get)
        else:
            run_units(lanes, board, claim)
    except EnvironmentFailure as failure:
        trainer.tell(FAILED, str(failure))
    else:
        trainer.tell(FINISHED)


if __name__ == "__main__":
    leave_after(lambda: main(*(int(argument) for argument in sys.argv[1:])))
