"""HyperNet: a flow whose weights follow an unconstrained ODE (Choromanski et al. 2020, §5)."""

from typing import Annotated, Literal

from pydantic import Field

from odes_rl.flows.ode_solvers import EXPLICIT
from odes_rl.flows.trajectories.coupled import coupled
from odes_rl.flows.trajectories.gated_hypernetwork import gated_hypernetwork
from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.supervised.models.flow import FlowModelConfig, flow_model
from odes_rl.supervised.models.model import Model
from odes_rl.validation import OneOf


class HyperNetModelConfig(FlowModelConfig, frozen=True):
    """A flow whose weights follow an unconstrained ODE; HyperNet-g of Choromanski et al. 2020, §5.2, has g gates."""

    name: Literal["hyper_net"] = "hyper_net"
    flow: Literal["gated", "coupled"] = "gated"
    """Flow of the weights. `gated`: their velocity is a sum of gated networks, as in the supervised experiments.
    `coupled`: it is one network of all of them, as in the policy (§5.1.2)."""
    gates: int = Field(default=1, ge=1)
    """Number of gates of a gated flow. With gate_inputs none they add up to one constant, whatever their number."""
    gate_inputs: Literal["none", "t", "t_W"] = "none"
    """Inputs of the networks of a gated flow: none (constants), the time, or the time and the weights."""
    gate_width: int = Field(default=16, ge=1)
    """Hidden units of each network of a gated flow; unused with gate_inputs none."""
    coupled_width: int = Field(default=16, ge=1)
    """Size of the two hidden layers of the network of a coupled flow."""
    flow_solver: Annotated[str, OneOf(EXPLICIT)] = "euler"
    """Diffrax solver of a coupled flow, with one step between the times at which weights are needed."""
    time_input: bool = False
    """Give the time as an input to the network of a coupled flow."""
    flow_scale: float = Field(default=0.3, gt=0)
    """How far the initial weights move, relative to their norm."""


def hyper_net_model(config: HyperNetModelConfig, input_size: int, output_size: int) -> Model:
    """ẋ = f(W x + b); Ẇ = Σ_i a_i f_i, or Ẇ = g(W)."""
    if config.flow == "gated":
        gates = (config.gates, config.gate_inputs, config.gate_width)
        trajectory = gated_hypernetwork(config.width, *gates, config.flow_scale)
    else:
        options = (config.coupled_width, config.flow_solver, config.time_input, config.flow_scale)
        trajectory = coupled(config.width, *options)
    return flow_model(config, input_size, output_size, trajectory, left_nodes(config.steps))
