"""ConResNet: a residual network whose layers are all the same (Davis et al. 2020)."""

from typing import Literal

from odes_rl.flows.trajectories.constant import constant
from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.manifolds import Euclidean
from odes_rl.policies.policy import Policy
from odes_rl.policies.residual import Matchable, ResidualConfig, residual_policy


class ConResNetConfig(ResidualConfig, Matchable, frozen=True):
    """A residual network whose layers share one weight matrix and bias."""

    name: Literal["con_res_net"] = "con_res_net"


def con_res_net(config: ConResNetConfig, observation_size: int, action_size: int) -> Policy:
    """The network x ← x + f(W x + b), L times ("Con-ResNet").

    W starts normal with deviation 1/(L√h), so that the whole stack moves x by its own length; projections start normal
    with deviation 1/√fan-in, b at zero.
    """
    return residual_policy(
        config,
        observation_size,
        action_size,
        trajectory=constant(config.hidden, Euclidean(1 / config.steps)),
        times=left_nodes(config.steps),
        step=1.0,
        projection=Euclidean(),
        biases="shared",
    )
