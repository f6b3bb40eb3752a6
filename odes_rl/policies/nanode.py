"""NANODE: a flow whose weights are functions of time (Davis et al. 2020)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

import jax
from pydantic import Field, model_validator

from odes_rl.flows.trajectories.bucketed import bucketed
from odes_rl.flows.trajectories.givens import givens
from odes_rl.flows.trajectories.householder import householder
from odes_rl.flows.trajectories.hypernetwork import hypernetwork
from odes_rl.flows.trajectories.polynomial import polynomial
from odes_rl.flows.trajectories.random_features import random_features
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.flows.trajectories.trigonometric import trigonometric
from odes_rl.manifolds import Euclidean
from odes_rl.policies.flow import FlowConfig, flow_policy
from odes_rl.policies.policy import Policy
from odes_rl.policies.residual import Matchable
from odes_rl.validation import OneOf

BASES: dict[str, Callable[["NanodeConfig"], Trajectory]] = {
    "trigonometric": lambda config: trigonometric(config.hidden, config.degree, config.period),
    "monomial": lambda config: polynomial(config.hidden, config.degree, "monomial"),
    "chebyshev": lambda config: polynomial(config.hidden, config.degree, "chebyshev"),
    "legendre": lambda config: polynomial(config.hidden, config.degree, "legendre"),
    "random_features": lambda config: random_features(config.hidden, config.features, config.bandwidth),
    "bucketed": lambda config: bucketed(config.hidden, config.buckets, 2 * config.steps),
    "hypernetwork": lambda config: hypernetwork(config.hidden, config.embedding, config.width),
    "givens": lambda config: givens(config.hidden, max(config.degree, 1)),
}
"""The trajectory of each basis; buckets tell half steps apart."""


class NanodeConfig(FlowConfig, Matchable, frozen=True):
    """A flow whose weights are functions of time, in a trigonometric or another basis."""

    name: Literal["nanode"] = "nanode"
    basis: Annotated[str, OneOf(BASES)] = "trigonometric"
    """The functions of time. `bucketed`: constant on intervals. `hypernetwork`: a network of the time and a learned
    embedding of each entry. `givens`: rotations in coordinate planes, which keep the weights orthogonal."""
    degree: int = Field(default=5, ge=0)
    """Degree d. Coefficients of an entry: 2d + 1 of a trigonometric polynomial, d + 1 of the others. `givens` has d
    rounds, at least one."""
    period: float | None = Field(default=None, gt=0)
    """Period of the slowest trigonometric terms; none uses cos t and sin t as in the paper, nearly collinear on [0,
    1]."""
    features: int = Field(default=16, ge=1)
    """Number of `random_features`."""
    bandwidth: float = Field(default=1.0, gt=0)
    """Standard deviation of the frequencies of `random_features`."""
    buckets: int = Field(default=5, ge=1)
    """Number of intervals of `bucketed`; if equal to `steps`, each step has its own matrix."""
    embedding: int = Field(default=1, ge=1)
    """Size of each entry's embedding in `hypernetwork`."""
    width: int = Field(default=16, ge=1)
    """Hidden units of `hypernetwork`."""
    householder: bool = False
    """Use the rows of the matrices as vectors of Householder reflections, whose product is orthogonal."""
    l2_penalty: float = Field(default=0.0, ge=0)
    """λ: λ times the sum of squares of the coefficients is subtracted from the shaped returns."""

    @model_validator(mode="after")
    def _check_basis(self) -> "NanodeConfig":
        if self.basis == "bucketed" and self.buckets > self.steps:
            raise ValueError(f"buckets is {self.buckets}, but there are only {self.steps} steps: use {self.steps}")
        if self.basis == "givens" and self.hidden < 2:
            raise ValueError("basis givens turns pairs of axes: it needs hidden ≥ 2")
        return self


def nanode(config: NanodeConfig, observation_size: int, action_size: int) -> Policy:
    """The flow ẋ = f(W_t x), without biases (Choromanski et al. 2020, §5.1.2).

    Projections start normal with deviation 1/√fan-in, coefficients as the trajectory says.
    """
    trajectory = BASES[config.basis](config)
    if config.householder:
        trajectory = householder(config.hidden, trajectory)
    return flow_policy(
        config,
        observation_size,
        action_size,
        trajectory=_penalised(trajectory, config.l2_penalty),
        projection=Euclidean(),
        biases="none",
    )


def _penalised(trajectory: Trajectory, l2_penalty: float) -> Trajectory:
    """The trajectory with the penalty on its Euclidean parameters, whose exact gradient their manifold adds."""

    def penalise(manifold: Any) -> Any:
        return replace(manifold, l2_penalty=l2_penalty) if isinstance(manifold, Euclidean) else manifold

    return trajectory._replace(manifolds=jax.tree.map(penalise, trajectory.manifolds))
