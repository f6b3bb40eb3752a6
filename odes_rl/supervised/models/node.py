"""NODE: an autonomous flow (Chen et al. 2018)."""

from typing import Literal

from odes_rl.flows.trajectories.constant import constant
from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.supervised.models.flow import FlowModelConfig, flow_model
from odes_rl.supervised.models.model import Model


class NodeConfig(FlowModelConfig, frozen=True):
    """A flow with one weight matrix for all times."""

    name: Literal["node"] = "node"


def node(config: NodeConfig, input_size: int, output_size: int) -> Model:
    """ẋ = f(W x + b)."""
    return flow_model(config, input_size, output_size, constant(config.width), left_nodes(config.steps))
