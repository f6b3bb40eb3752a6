"""ODEtoODE: a flow whose weight matrix follows an ODE on the orthogonal group (Choromanski et al. 2020)."""

from typing import Annotated, Literal

from pydantic import Field

from odes_rl.flows.lie_steps import LIE_STEPS
from odes_rl.flows.trajectories.gated import gated
from odes_rl.flows.trajectories.isospectral import isospectral
from odes_rl.flows.trajectories.nodes import right_nodes
from odes_rl.supervised.models.flow import FlowModelConfig, flow_model
from odes_rl.supervised.models.model import Model
from odes_rl.validation import OneOf


class OdeToOdeModelConfig(FlowModelConfig, frozen=True):
    """A flow with orthogonal weights; ODEtoODE-g of Choromanski et al. 2020, §5.2, has g gates."""

    name: Literal["ode_to_ode"] = "ode_to_ode"
    flow: Literal["gated", "isospectral"] = "gated"
    """Flow of the weights. `gated`: the generator is a sum of gated networks. `isospectral`: double bracket."""
    gates: int = Field(default=1, ge=1)
    """Number of gates of a gated flow."""
    gate_inputs: Literal["none", "t", "t_W"] = "none"
    """Inputs of the networks of a gated flow: none (constants), the time, or the time and the weights."""
    gate_width: int = Field(default=16, ge=1)
    """Hidden units of each network of a gated flow; unused with gate_inputs none."""
    solver: Annotated[str, OneOf(LIE_STEPS)] = "lie_euler"
    """Solver of the weight flow: `lie_euler`, as in the paper, or `rkmk4`, of order four. Unused with constant gates,
    whose flow is computed exactly."""
    flow_scale: float = Field(default=1.0, gt=0)
    """Initial scale of the weight flow. Gated: the weights turn by about flow_scale radians. Double bracket: the
    spectral radius of Q and N, so that the weights turn by about flow_scale² radians."""


def ode_to_ode_model(config: OdeToOdeModelConfig, input_size: int, output_size: int) -> Model:
    """ẋ = f(W x + b), Ẇ = W b(t, W) on O(h); W_i after its advance, as in equations 5-6."""
    if config.flow == "gated":
        gates = (config.gates, config.gate_inputs, config.gate_width)
        trajectory = gated(config.width, *gates, config.solver, config.flow_scale)
    else:
        trajectory = isospectral(config.width, config.solver, config.flow_scale)
    return flow_model(config, input_size, output_size, trajectory, right_nodes(config.steps))
