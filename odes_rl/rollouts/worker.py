"""A worker process, started as `python -m odes_rl.rollouts.worker`. Free of JAX.

It ends when its trainer does, however that ends: a thread reads commands, and at the end of the pipe the
process exits, even in the middle of an episode.
"""

import os
import queue
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection

from odes_rl.rollouts import memory
from odes_rl.rollouts.base import EnvironmentFailure, EpisodeSettings
from odes_rl.rollouts.board import Layout
from odes_rl.rollouts.episodes import Lane, make_lane, run_units


def main(command_descriptor: int, memory_descriptor: int, lock_descriptor: int, index: int) -> None:
    """Serve the trainer at the other end of the pipe, until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the trainer's to handle
    connection = Connection(command_descriptor)
    commands: queue.SimpleQueue[tuple] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, commands), daemon=True).start()
    settings, lane_count = commands.get()
    lanes = [make_lane(EpisodeSettings(*settings)) for _ in range(lane_count)]
    while True:
        layout = Layout(*commands.get())
        failure = _work(lanes, layout, memory_descriptor, lock_descriptor, index)
        with suppress(OSError):  # the trainer has gone: `_listen` is about to end this process
            connection.send(failure)


def _listen(connection: Connection, commands: queue.SimpleQueue) -> None:
    try:
        while True:
            commands.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)


def _work(lanes: list[Lane], layout: Layout, memory_descriptor: int, lock_descriptor: int, index: int) -> str | None:
    """Run episodes until none is left; the message of an environment's failure, if one raised."""
    board = layout.place(memory.view(memory_descriptor, layout.size()))

    def claim() -> int | None:
        with memory.locked(lock_descriptor):
            return board.claim(index)

    try:
        run_units(lanes, board, claim)
    except EnvironmentFailure as failure:
        return str(failure)
    return None


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
