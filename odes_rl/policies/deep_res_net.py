"""DeepResNet: a residual network with separate weights for each layer (Choromanski et al. 2020)."""

from typing import Literal

from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.flows.trajectories.per_layer import per_layer
from odes_rl.manifolds import Euclidean
from odes_rl.policies.policy import Policy
from odes_rl.policies.residual import Matchable, ResidualConfig, residual_policy


class DeepResNetConfig(ResidualConfig, Matchable, frozen=True):
    """A residual network with separate weights and biases for each layer."""

    name: Literal["deep_res_net"] = "deep_res_net"


def deep_res_net(config: DeepResNetConfig, observation_size: int, action_size: int) -> Policy:
    """The network x ← x + f(W_i x + b_i), i = 1..L.

    W_i start normal with deviation 1/(L√h), so that the whole stack moves x by its own length, not by a power
    of L; projections start normal with deviation 1/√fan-in, biases at zero.
    """
    return residual_policy(
        config,
        observation_size,
        action_size,
        trajectory=per_layer(config.hidden, config.steps, scale=1 / config.steps),
        times=left_nodes(config.steps),
        step=1.0,
        projection=Euclidean(),
        biases="per_layer",
    )
