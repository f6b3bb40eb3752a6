"""Weight trajectories t ↦ W(t), one family a file."""

from collections.abc import Callable

from odes_rl.trajectories.base import Trajectory
from odes_rl.trajectories.constant import constant
from odes_rl.trajectories.isospectral import isospectral
from odes_rl.trajectories.per_layer import per_layer
from odes_rl.trajectories.trigonometric import trigonometric

TRAJECTORIES: dict[str, Callable[..., Trajectory]] = {
    "isospectral": isospectral,
    "constant": constant,
    "per_layer": per_layer,
    "trigonometric": trigonometric,
}
"""Factories by name; each takes `hidden` and options with defaults."""
