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
    """A flow whose weights follow an unconstrained ODE; its vector field is a small network."""

    name: Literal["hyper_net"] = "hyper_net"
    width: int = Field(default=16, ge=1)
    """Size of the two hidden layers of the network that moves the weights."""
    flow_solver: Annotated[str, OneOf(EXPLICIT)] = "euler"
    """Diffrax solver of the weight flow, with one step between the times at which weights are needed."""
    time_input: bool = False
    """Give the time as an input to the network that moves the weights."""
    flow_scale: float = Field(default=0.3, gt=0)
    """How far the initial weights move, relative to their norm."""


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
