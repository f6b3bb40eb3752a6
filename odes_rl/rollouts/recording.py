"""One episode, written down step by step. Free of JAX."""

from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from odes_rl.interrupts import check_interrupted
from odes_rl.rollouts.board import posted
from odes_rl.rollouts.environments import close_all
from odes_rl.rollouts.episodes import Lane
from odes_rl.rollouts.protocol import EpisodeSettings, Moments

Look = Callable[[gymnasium.Env], None]


class Recording(NamedTuple):
    """An episode of T steps.

    Attributes:
        observations: [T, n] float32, normalised, as the policy saw them.
        actions: [T, m] float32, as the act rule gave them, before they were squashed into the bounds.
        total: the return, sum of rewards; NaN if the episode failed.
    """

    observations: np.ndarray
    actions: np.ndarray
    total: float


def ignore(environment: gymnasium.Env) -> None:
    """Look at nothing."""


def record_episode(
    settings: EpisodeSettings, weights: Any, statistics: Moments, seed: int, look: Look = ignore, **options: Any
) -> Recording:
    """Play the episode of that seed with a policy's `weights` (leaves [1, …]); bitwise as a backend plays it.

    Args:
        settings: task and act rule.
        weights: of the act rule.
        statistics: observations are normalised by them.
        seed: of the episode.
        look: called with the environment after its reset, and after each step.
        options: go to Gymnasium, as `render_mode` does.

    Raises:
        EnvironmentFailure: if the environment raises anything but dm_control's PhysicsError.
        Interrupted: if a signal comes, where signals are noted.
    """
    board = posted(weights, statistics, np.array([[seed]]))
    lane = Lane(settings, **options)
    observations, actions = [], []
    try:
        lane.start(board, 0)
        going = True
        while going:
            check_interrupted()
            look(lane.environment)
            lane.look(lane.normalised)
            lane.acting.rule.kernel(lane.weights, lane.normalised, lane.raw)
            observations.append(lane.normalised.copy())
            actions.append(lane.raw.copy())
            going = lane.apply(lane.raw)
        look(lane.environment)
    finally:
        close_all([lane.environment])
    total = float(board.rollouts(lane.task.action_size, restarts=0).returns[0, 0])
    return Recording(np.array(observations), np.array(actions), total)
