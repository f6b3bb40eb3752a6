"""What the descriptions of Gymnasium's tasks share. Free of JAX."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from odes_rl.rollouts.physics.description import Description, Interval, Part, Rewards, Scheme
from odes_rl.rollouts.physics.words import Words


def closed(low: float, high: float) -> tuple[float, float]:
    """The open interval of the same numbers as the closed one."""
    return float(np.nextafter(low, -np.inf)), float(np.nextafter(high, np.inf))


def sum_of_squares(words: Words, rows: Any) -> Any:
    """[T] of rows [T, k], in their own type."""
    return words.array.sum(words.array.square(rows), axis=1)


def speed(environment: Any, position: Any) -> Any:
    """[T] from positions [T + 1]."""
    return (position[1:] - position[:-1]) / environment.dt


def control_cost(words: Words, environment: Any, actions: Any) -> Any:
    """[T] of actions [T, m], in their own type."""
    return environment._ctrl_cost_weight * sum_of_squares(words, actions)


def described(
    environment: Any,
    scheme: Scheme,
    observation: Sequence[Part],
    features: Sequence[Part],
    healthy: Sequence[Interval],
    rewards: Rewards,
    ends: bool = False,
) -> Description:
    """A description with what the tasks of Gymnasium share."""
    return Description(
        observation=observation,
        features=features,
        healthy=healthy,
        ends=ends or getattr(environment, "_terminate_when_unhealthy", False),
        scheme=scheme,
        substeps=environment.frame_skip,
        rewards=rewards,
        limit=None,
        diverges=False,
    )
