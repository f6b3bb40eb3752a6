"""ODEtoODE: a flow whose weight matrix itself flows on the orthogonal group (Choromanski et al. 2020)."""

from typing import Literal

from pydantic import Field

from odes_rl.manifolds import Stiefel
from odes_rl.policies.base import Policy
from odes_rl.policies.residual import ResidualConfig, residual_policy, right_nodes
from odes_rl.trajectories.isospectral import isospectral


class OdeToOdeConfig(ResidualConfig, frozen=True):
    """A flow whose weights follow an isospectral flow on O(h), between projections on Stiefel manifolds."""

    name: Literal["ode_to_ode"] = "ode_to_ode"
    solver: Literal["lie_euler", "rkmk4"] = "lie_euler"
    """Method for the weights' flow: the paper's, or a fourth-order one."""
    flow_scale: float = Field(default=1.0, gt=0)
    """Starting spectral radius of Q and N; the weights turn by about its square in radians."""


def ode_to_ode(config: OdeToOdeConfig, observation_size: int, action_size: int) -> Policy:
    """The policy of equations 5-6, with W_i after its advance; Ω₁, Ω₂ and W_0 start Haar-random, b at zero."""
    return residual_policy(
        config,
        observation_size,
        action_size,
        trajectory=isospectral(config.hidden, config.solver, config.flow_scale),
        times=right_nodes(config.steps),
        step=1 / config.steps,
        projection=Stiefel(),
        biases=1,
    )
