"""A worker process, started as `python -m odes_rl.rollouts.worker`. Free of JAX.

It ends when its trainer does, however that ends: a thread reads commands, and at the end of the pipe the
process exits, even in the middle of an episode.
"""

import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from odes_rl.errors import UserError
from odes_rl.interrupts import leave_after
from odes_rl.rollouts import memory
from odes_rl.rollouts.board import Board, Layout
from odes_rl.rollouts.episodes import AnyLane, run_units
from odes_rl.rollouts.lanes import make_lanes
from odes_rl.rollouts.protocol import EnvironmentFailure, EpisodeSettings
from odes_rl.rollouts.slots import run_slots

ALIVE, ASKING, FINISHED, FAILED, REFUSED = "alive", "asking", "finished", "failed", "refused"
"""What a worker tells: one more of its lanes is made; half of them want actions; no unit is left; one raised; the
task is not one that can be run, which is its user's mistake."""


def main(command_descriptor: int, memory_descriptor: int, lock_descriptor: int, index: int) -> None:
    """Serve the trainer at the other end of the pipe, until it closes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the trainer's to handle; clusters send them to every process of a job
    connection = Connection(command_descriptor)
    commands: queue.SimpleQueue[tuple] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, commands), daemon=True).start()
    try:
        _serve(connection, commands, memory_descriptor, lock_descriptor, index)
    except UserError as error:
        _send(connection, REFUSED, str(error))
    except MemoryError:  # others may have had more luck: it counts as a death
        raise
    except (Exception, SystemExit):  # it would raise in every worker that takes this one's place
        _send(connection, FAILED, f"a worker raised:\n{traceback.format_exc()}")


def _serve(
    connection: Connection, commands: queue.SimpleQueue, memory_descriptor: int, lock_descriptor: int, index: int
) -> None:
    settings, lane_count = commands.get()
    lanes = list(_make_lanes(EpisodeSettings(*settings), lane_count, connection))
    while True:
        layout = Layout(*commands.get())
        board = layout.place(memory.view(memory_descriptor, layout.size()))
        _work(lanes, board, connection, commands, lock_descriptor, index)


def _make_lanes(settings: EpisodeSettings, count: int, connection: Connection) -> Iterator[AnyLane]:
    for lane in make_lanes(settings, count):
        yield lane
        _send(connection, ALIVE)  # many lanes may together take longer than the trainer waits for a step


def _send(connection: Connection, answer: str, detail: Any = None) -> None:
    with suppress(OSError):  # the trainer has gone: `_listen` is about to end this process
        connection.send((answer, detail))


def _listen(connection: Connection, commands: queue.SimpleQueue) -> None:
    try:
        while True:
            commands.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)


def _work(
    lanes: list[AnyLane],
    board: Board,
    connection: Connection,
    commands: queue.SimpleQueue,
    lock_descriptor: int,
    index: int,
) -> None:
    """Run episodes until none is left, and say so; or with which message an environment raised."""

    def claim() -> int | None:
        with memory.locked(lock_descriptor):
            return board.claim(index)

    def ask(half: int, running: bool) -> None:
        _send(connection, ASKING, (half, running))

    try:
        if board.units.size:
            run_slots(lanes, board, index * len(lanes), claim, ask, commands.get)
        else:
            run_units(lanes, board, claim)
    except EnvironmentFailure as failure:
        _send(connection, FAILED, str(failure))
    else:
        _send(connection, FINISHED)


if __name__ == "__main__":
    leave_after(lambda: main(*(int(argument) for argument in sys.argv[1:])))
