"""HyperNet: a flow whose weights follow an unconstrained ODE of gated networks (Choromanski et al. 2020, §5.2)."""

from typing import Literal

from pydantic import Field

from odes_rl.flows.trajectories.gated_hypernetwork import gated_hypernetwork
from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.supervised.models.flow import FlowModelConfig, flow_model
from odes_rl.supervised.models.model import Model


class HyperNetModelConfig(FlowModelConfig, frozen=True):
    """A flow with gated weights; HyperNet-g of Choromanski et al. 2020, §5.2, has g gates."""

    name: Literal["hyper_net"] = "hyper_net"
    gates: int = Field(default=1, ge=1)
    """Number of gated networks."""
    gate_inputs: Literal["none", "t", "t_W"] = "none"
    """Inputs of these networks: none (constants), the time, or the time and the weights."""
    gate_width: int = Field(default=16, ge=1)
    """Hidden units of each network; unused with gate_inputs none."""
    flow_scale: float = Field(default=0.3, gt=0)
    """How far the initial weights move, relative to their norm."""


def hyper_net_model(config: HyperNetModelConfig, input_size: int, output_size: int) -> Model:
    """ẋ = f(W x + b), Ẇ = Σ_i a_i f_i."""
    gates = (config.gates, config.gate_inputs, config.gate_width)
    trajectory = gated_hypernetwork(config.width, *gates, config.flow_scale)
    return flow_model(config, input_size, output_size, trajectory, left_nodes(config.steps))
