"""ODEtoODE: a flow whose weight matrix follows an ODE on the orthogonal group (Choromanski et al. 2020)."""

from typing import Annotated, Literal

from odes_rl.flows.trajectories.nodes import right_nodes
from odes_rl.flows.trajectories.orthogonal_flows import PROJECTIONS, OrthogonalFlowOptions, orthogonal_flow
from odes_rl.supervised.models.flow import FlowModelConfig, flow_model
from odes_rl.supervised.models.model import Model
from odes_rl.validation import OneOf


class OdeToOdeModelConfig(OrthogonalFlowOptions, FlowModelConfig, frozen=True):
    """A flow with orthogonal weights; ODEtoODE-g of Choromanski et al. 2020, §5.2, has g gates."""

    name: Literal["ode_to_ode"] = "ode_to_ode"
    flow: Literal["isospectral", "gated", "none"] = "gated"
    """Flow of the weights. `gated`: the generator is a sum of gated networks. `isospectral`: double bracket. `none`:
    constant weights."""
    projections: Annotated[str, OneOf(PROJECTIONS)] = "euclidean"
    """Matrices of the first and the last affine layer. `euclidean`: unconstrained. `stiefel`: orthonormal columns or
    rows, as in the policy (§3.2). `frozen`: the same, but not trained."""


def ode_to_ode_model(config: OdeToOdeModelConfig, input_size: int, output_size: int) -> Model:
    """ẋ = f(W x + b), Ẇ = W b(t, W) on O(h); W_i after its advance, as in equations 5-6."""
    trajectory, times = orthogonal_flow(config, config.width), right_nodes(config.steps)
    projection = PROJECTIONS[config.projections]
    return flow_model(config, input_size, output_size, trajectory, times, projection=projection)
