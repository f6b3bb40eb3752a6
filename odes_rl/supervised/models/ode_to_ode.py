"""ODEtoODE: a flow whose weight matrix follows an ODE on the orthogonal group (Choromanski et al. 2020)."""

from typing import Literal

from odes_rl.flows.trajectories.nodes import right_nodes
from odes_rl.flows.trajectories.orthogonal_flows import OrthogonalFlowOptions, orthogonal_flow
from odes_rl.supervised.models.flow import FlowModelConfig, flow_model
from odes_rl.supervised.models.model import Model


class OdeToOdeModelConfig(FlowModelConfig, OrthogonalFlowOptions, frozen=True):
    """A flow with orthogonal weights; ODEtoODE-g of Choromanski et al. 2020, §5.2, has g gates."""

    name: Literal["ode_to_ode"] = "ode_to_ode"
    flow: Literal["isospectral", "gated", "none"] = "gated"
    """Flow of the weights. `gated`: the generator is a sum of gated networks. `isospectral`: double bracket. `none`:
    constant weights."""


def ode_to_ode_model(config: OdeToOdeModelConfig, input_size: int, output_size: int) -> Model:
    """ẋ = f(W x + b), Ẇ = W b(t, W) on O(h); W_i after its advance, as in equations 5-6."""
    trajectory, times = orthogonal_flow(config, config.width), right_nodes(config.steps)
    return flow_model(config, input_size, output_size, trajectory, times)
