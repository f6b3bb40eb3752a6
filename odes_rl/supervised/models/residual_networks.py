"""Residual networks: one layer for all, or each its own (Davis et al. 2020, §2.1)."""

from typing import Literal

from odes_rl.flows.trajectories.constant import constant
from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.flows.trajectories.per_layer import per_layer
from odes_rl.manifolds import Euclidean
from odes_rl.supervised.models.flow import ResNetModelConfig, flow_model
from odes_rl.supervised.models.model import Model


class ConResNetModelConfig(ResNetModelConfig, frozen=True):
    """A residual network whose layers share their weights; "Con-ResNet" of Davis et al. 2020."""

    name: Literal["con_res_net"] = "con_res_net"


def con_res_net_model(config: ConResNetModelConfig, input_size: int, output_size: int) -> Model:
    """The network x ← x + f(W x + b), L times.

    W starts normal with deviation 1/(L√h): the stack moves x by its own length.
    """
    trajectory = constant(config.width, Euclidean(1 / (config.steps * config.step)))
    return flow_model(config, input_size, output_size, trajectory, left_nodes(config.steps), config.step)


class UnconResNetModelConfig(ResNetModelConfig, frozen=True):
    """A residual network whose layers have weights of their own; "Uncon-ResNet" of Davis et al. 2020."""

    name: Literal["uncon_res_net"] = "uncon_res_net"


def uncon_res_net_model(config: UnconResNetModelConfig, input_size: int, output_size: int) -> Model:
    """The network x ← x + f(W_i x + b_i), i = 1..L. The W_i start normal with deviation 1/(L√h)."""
    trajectory = per_layer(config.width, config.steps, 1 / (config.steps * config.step))
    return flow_model(
        config, input_size, output_size, trajectory, left_nodes(config.steps), config.step, biases="per_layer"
    )
