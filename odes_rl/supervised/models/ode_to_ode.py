"""ODEtoODE: a flow whose weight matrix follows an ODE on the orthogonal group (Choromanski et al. 2020)."""

from typing import Literal, Self

from pydantic import model_validator

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

    @model_validator(mode="after")
    def _check_flow_scale(self) -> Self:
        if self.flow == "isospectral" and self.flow_scale == 0:
            raise ValueError("flow_scale is 0, where gradients of Q and N are 0: give a positive one, or flow: none")
        return self


def ode_to_ode_model(config: OdeToOdeModelConfig, input_size: int, output_size: int) -> Model:
    """ẋ = f(W x + b), Ẇ = W b(t, W) on O(h); W_i after its advance, as in equations 5-6."""
    trajectory, times = orthogonal_flow(config, config.width), right_nodes(config.steps)
    return flow_model(config, input_size, output_size, trajectory, times)
