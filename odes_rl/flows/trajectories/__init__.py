"""Weight trajectories t ↦ W(t), one family a file."""

from collections.abc import Callable
from typing import Any

from odes_rl.flows.trajectories.bucketed import bucketed
from odes_rl.flows.trajectories.constant import constant
from odes_rl.flows.trajectories.coupled import coupled
from odes_rl.flows.trajectories.gated import gated
from odes_rl.flows.trajectories.gated_hypernetwork import gated_hypernetwork
from odes_rl.flows.trajectories.gated_kernels import gated_kernels
from odes_rl.flows.trajectories.givens import givens
from odes_rl.flows.trajectories.householder import householder
from odes_rl.flows.trajectories.hypernetwork import hypernetwork
from odes_rl.flows.trajectories.isospectral import isospectral
from odes_rl.flows.trajectories.per_layer import per_layer
from odes_rl.flows.trajectories.polynomial import polynomial
from odes_rl.flows.trajectories.random_features import random_features
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.flows.trajectories.trigonometric import trigonometric
from odes_rl.parts import Registry

_FACTORY: Any = Callable
TRAJECTORIES: Registry[Callable[..., Trajectory]] = Registry(
    "trajectory",
    "trajectories",
    _FACTORY,
    {
        "isospectral": isospectral,
        "gated": gated,
        "gated_hypernetwork": gated_hypernetwork,
        "gated_kernels": gated_kernels,
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
    },
)
"""Factories by name; each takes `hidden` and options with defaults."""
