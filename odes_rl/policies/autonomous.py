"""The autonomous flow: one weight matrix for all times (Davis et al. 2020)."""

from typing import Literal

from odes_rl.flows.trajectories.constant import constant
from odes_rl.manifolds import Euclidean
from odes_rl.policies.flow import FlowConfig, flow_policy
from odes_rl.policies.policy import Policy
from odes_rl.policies.residual import Matchable


class AutonomousConfig(FlowConfig, Matchable, frozen=True):
    """A flow with constant weights."""

    name: Literal["autonomous"] = "autonomous"


def autonomous(config: AutonomousConfig, observation_size: int, action_size: int) -> Policy:
    """The flow ẋ = f(W x), without biases. All matrices start normal with deviation 1/√fan-in."""
    return flow_policy(
        config,
        observation_size,
        action_size,
        trajectory=constant(config.hidden),
        projection=Euclidean(),
        biases="none",
    )
