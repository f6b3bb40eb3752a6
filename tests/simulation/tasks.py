"""The tasks with which the backend mjx is compared with the environments, and how near it must come."""

import numpy as np

from odes_rl.act.linear import LinearWeights
from odes_rl.rollouts.environments import describe_task

PRECISE, SINGLE = 1e-9, 1e-3
"""Bounds of differences in float64 and in float32, as parts of a number's size if that is above 1."""
EXCEPTIONS: dict[str, tuple[float, float]] = {}
"""Tasks with other bounds, and why."""
TASKS: list[str] = []


def steady_policy(task):
    """Weights of one policy that neither falls at once nor always does the same."""
    sizes = describe_task(task)
    drawn = np.random.default_rng(0).normal(size=(1, sizes.action_size, sizes.observation_size))
    return LinearWeights((0.1 * drawn).astype(np.float32))
