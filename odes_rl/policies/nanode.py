"""NANODE: a flow whose weights are functions of time (Davis et al. 2020)."""

from dataclasses import replace
from typing import Any, Literal

import jax
from pydantic import Field, model_validator

from odes_rl.flows.trajectories.bases import BasisOptions, basis_trajectory, check_basis
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds import Euclidean
from odes_rl.policies.flow import FlowConfig, flow_policy
from odes_rl.policies.policy import Policy
from odes_rl.policies.residual import Matchable


class NanodeConfig(BasisOptions, FlowConfig, Matchable, frozen=True):
    """A flow whose weights are functions of time, in a trigonometric or another basis."""

    name: Literal["nanode"] = "nanode"
    width: int = Field(default=16, ge=1)
    """Hidden units of `hypernetwork`."""
    l2_penalty: float = Field(default=0.0, ge=0)
    """λ: λ times the sum of squares of the coefficients is subtracted from the shaped returns."""

    @property
    def least_hidden(self) -> int:
        """The smallest hidden size that the other options allow: `givens` turns pairs of axes."""
        return 2 if self.basis == "givens" else 1

    @model_validator(mode="after")
    def _check_basis(self) -> "NanodeConfig":
        check_basis(self, self.hidden, self.steps, "hidden")
        return self


def nanode(config: NanodeConfig, observation_size: int, action_size: int) -> Policy:
    """The flow ẋ = f(W_t x), without biases (Choromanski et al. 2020, §5.1.2).

    Projections start normal with deviation 1/√fan-in, coefficients as the trajectory says.
    """
    trajectory = basis_trajectory(config, config.hidden, config.width)
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
