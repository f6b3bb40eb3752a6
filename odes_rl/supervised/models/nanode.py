"""NANODE: a flow whose weights are trigonometric polynomials of time (Davis et al. 2020)."""

from typing import Literal

from pydantic import Field

from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.flows.trajectories.trigonometric import trigonometric
from odes_rl.supervised.models.flow import FlowModelConfig, flow_model
from odes_rl.supervised.models.model import Model


class NanodeModelConfig(FlowModelConfig, frozen=True):
    """A flow with trigonometric weights; NANODE-d of Choromanski et al. 2020, §5.2, has degree d."""

    name: Literal["nanode"] = "nanode"
    degree: int = Field(default=1, ge=0)
    """Degree d of the trigonometric polynomials: 2d + 1 matrices."""


def nanode_model(config: NanodeModelConfig, input_size: int, output_size: int) -> Model:
    """ẋ = f(W(t) x + b), W(t) = A_0 + Σ_n A_n cos nt + B_n sin nt."""
    trajectory = trigonometric(config.width, degree=config.degree)
    return flow_model(config, input_size, output_size, trajectory, left_nodes(config.steps))
