"""Weight trajectories t ↦ W(t), one family a file."""

from collections.abc import Callable

from odes_rl.trajectories.base import Trajectory
from odes_rl.trajectories.bucketed import bucketed
from odes_rl.trajectories.constant import constant
from odes_rl.trajectories.coupled import coupled
from odes_rl.trajectories.gated import gated
from odes_rl.trajectories.gated_hypernetwork import gated_hypernetwork
from odes_rl.trajectories.givens import givens
from odes_rl.trajectories.householder import householder
from odes_rl.trajectories.hypernetwork import hypernetwork
from odes_rl.trajectories.isospectral import isospectral
from odes_rl.trajectories.per_layer import per_layer
from odes_rl.trajectories.polynomial import polynomial
from odes_rl.trajectories.random_features import random_features
from odes_rl.trajectories.trigonometric import trigonometric

TRAJECTORIES: dict[str, Callable[..., Trajectory]] = {
    "isospectral": isospectral,
    "gated": gated,
    "gated_hypernetwork": gated_hypernetwork,
    "constant": constant,
    "per_layer": per_layer,
    "bucketed": bucketed,
    "polynomial": polynomial,
    "trigonometric": trigonometric,
    "random_features": random_features,
    "hypernetwork": hypernetwork,
    "coupled": coupled,
    "householder": householder,
    "givens": givens,
}
"""Factories by name; each takes `hidden` and options with defaults."""
