"""NODE: autonomous flows (Chen et al. 2018), and flows that see the time as one more input."""

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


class AppNodeModelConfig(FlowModelConfig, frozen=True):
    """A flow with one weight matrix for all times, and the time as an additional input; "AppNODE"."""

    name: Literal["app_node"] = "app_node"


def app_node_model(config: AppNodeModelConfig, input_size: int, output_size: int) -> Model:
    """ẋ = f(W [x, t] + b), W ∈ ℝ^{h×(h+1)} (Davis et al. 2020, §2.2); the column of t starts at zero."""
    times = left_nodes(config.steps)
    return flow_model(config, input_size, output_size, constant(config.width), times, biases="time")
