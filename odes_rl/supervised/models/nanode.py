"""NANODE: a flow whose weights are functions of time (Davis et al. 2020)."""

from typing import Literal

from pydantic import Field, model_validator

from odes_rl.flows.trajectories.bases import BasisOptions, basis_trajectory, check_basis
from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.supervised.models.flow import FlowModelConfig, flow_model
from odes_rl.supervised.models.model import Model


class NanodeModelConfig(BasisOptions, FlowModelConfig, frozen=True):
    """A flow whose weights are functions of time; NANODE-d of Choromanski et al. 2020, §5.2, has degree d."""

    name: Literal["nanode"] = "nanode"
    degree: int = Field(default=1, ge=0)
    """Degree d. Coefficients of an entry: 2d + 1 of a trigonometric polynomial, d + 1 of the others. `givens` has d
    rounds, at least one."""
    hypernetwork_width: int = Field(default=16, ge=1)
    """Hidden units of `hypernetwork`."""

    @model_validator(mode="after")
    def _check_basis(self) -> "NanodeModelConfig":
        check_basis(self, self.width, self.steps, "width")
        return self


def nanode_model(config: NanodeModelConfig, input_size: int, output_size: int) -> Model:
    """ẋ = f(W(t) x + b), by default W(t) = A_0 + Σ_n A_n cos nt + B_n sin nt."""
    trajectory = basis_trajectory(config, config.width, config.hypernetwork_width)
    return flow_model(config, input_size, output_size, trajectory, left_nodes(config.steps))
