"""The actor that runs lanes on a core of a cluster. Free of JAX, and of Ray, which wraps it."""

import logging
import os
import socket
import time
from typing import NamedTuple

import numpy as np

from odes_rl.rollouts.board import Board
from odes_rl.rollouts.cluster.blocks import Block, board_of
from odes_rl.rollouts.environments import close_all
from odes_rl.rollouts.episodes import AnyLane, run_units
from odes_rl.rollouts.lanes import make_lanes
from odes_rl.rollouts.protocol import EnvironmentFailure, EpisodeSettings


class Answers(NamedTuple):
    """Results of k units, in the form of `Layout.arrays`, and the `seconds` that they took in total."""

    returns: np.ndarray
    lengths: np.ndarray
    saturated: np.ndarray
    sums: np.ndarray
    failed: np.ndarray
    seconds: float

    def write(self, board: Board, units: np.ndarray) -> None:
        """Enter the answers of `units` [k] on the whole generation's board."""
        places = np.unravel_index(units, board.seeds.shape)
        for name in self._fields[:-1]:
            getattr(board, name)[places] = getattr(self, name)
        board.done[places] = True


class EpisodeActor:
    """Runs the units that it is handed, one core's worth."""

    def __init__(self, settings: tuple, lanes: int) -> None:
        self.settings = EpisodeSettings(*settings)
        self.lane_count = lanes
        self.lanes: list[AnyLane] = []

    def ready(self) -> tuple[str, int]:
        """Make the lanes; the name of this node, and the id of this process on it.

        Raises:
            UserError: if this node lacks the task.
        """
        self.lanes = list(make_lanes(self.settings, self.lane_count))
        return socket.gethostname(), os.getpid()

    def run(self, units: np.ndarray, *blocks: Block) -> Answers | str:
        """Run `units` [k] of the generation that `blocks` are of; the message of an environment's failure."""
        started = time.perf_counter()
        board = board_of(units, blocks)
        try:
            run_units(self.lanes, board, lambda: board.claim(worker=0))
        except EnvironmentFailure as failure:
            return str(failure)
        answers = (getattr(board, name)[:, 0] for name in Answers._fields[:-1])
        return Answers(*answers, seconds=time.perf_counter() - started)

    def close(self) -> None:
        """Close the environments."""
        close_all((lane.environment for lane in self.lanes), logging.DEBUG)
