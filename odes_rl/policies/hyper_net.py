"""HyperNet: a flow whose weights are the state of another ODE (Zhang et al. 2019, as in Choromanski et al. 2020)."""

from typing import Annotated, Literal

from pydantic import Field

from odes_rl.flows.ode_solvers import EXPLICIT
from odes_rl.flows.trajectories.coupled import coupled
from odes_rl.manifolds import Euclidean
from odes_rl.policies.flow import FlowConfig, flow_policy
from odes_rl.policies.policy import Policy
from odes_rl.policies.residual import Matchable
from odes_rl.validation import OneOf


class HyperNetConfig(FlowConfig, Matchable, frozen=True):
    """A flow whose weights are the state of an ODE along a small network, unconstrained."""

    name: Literal["hyper_net"] = "hyper_net"
    width: int = Field(default=16, ge=1)
    """Size of the two hidden layers of the weights' network."""
    flow_solver: Annotated[str, OneOf(EXPLICIT)] = "euler"
    """Diffrax solver of the weights' flow, one step between the times at which weights are needed."""
    time_input: bool = False
    """Show the weights' network the time, too."""
    flow_scale: float = Field(default=0.3, gt=0)
    """How far the weights move at the start, in units of their own size."""


def hyper_net(config: HyperNetConfig, observation_size: int, action_size: int) -> Policy:
    """The flow ẋ = f(W_t x), ẇ = g(w), W_t = w_t reshaped (§5.1.2; hidden is 16 on every task there).

    Projections start normal with deviation 1/√fan-in, w and g as `coupled` says.
    """
    return flow_policy(
        config,
        observation_size,
        action_size,
        trajectory=coupled(config.hidden, config.width, config.flow_solver, config.time_input, config.flow_scale),
        projection=Euclidean(),
        biases="none",
    )
