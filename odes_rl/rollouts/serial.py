"""The serial backend: all episodes in this process, one after another. Free of JAX."""

from typing import Any, Self

import numpy as np

from odes_rl.rollouts.board import posted
from odes_rl.rollouts.environments import close_all
from odes_rl.rollouts.episodes import AnyLane, run_units
from odes_rl.rollouts.lanes import make_lanes
from odes_rl.rollouts.patience import telling_steps
from odes_rl.rollouts.protocol import EpisodeSettings, Moments, Rollouts


class SerialBackend:
    """Steps `lanes` environments in turn; for tests, debugging and machines with one core."""

    def __init__(self, settings: EpisodeSettings, lanes: int = 1) -> None:
        self.settings = settings
        self.lanes: list[AnyLane] = []
        try:
            self.lanes.extend(make_lanes(settings, lanes))
        except BaseException:
            self.__exit__()  # those that were made before one that raised
            raise

    def evaluate(
        self, weights: Any, statistics: Moments, episode_seeds: np.ndarray, steps: int | None = None
    ) -> Rollouts:
        """See `RolloutBackend.evaluate`."""
        board = posted(weights, statistics, episode_seeds, steps)
        with telling_steps(self.settings.task, board):
            run_units(self.lanes, board, lambda: board.claim(worker=0))
        return board.rollouts(self.lanes[0].task.action_size, restarts=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        close_all(lane.environment for lane in self.lanes)
