"""AppNODE: a flow with constant weights and the time as an additional input (Davis et al. 2020)."""

from typing import Literal

from odes_rl.flows.trajectories.constant import constant
from odes_rl.manifolds import Euclidean
from odes_rl.policies.flow import FlowConfig, flow_policy
from odes_rl.policies.policy import Policy
from odes_rl.policies.residual import Matchable


class AppNodeConfig(FlowConfig, Matchable, frozen=True):
    """A flow with constant weights that has the time as an additional input."""

    name: Literal["app_node"] = "app_node"


def app_node(config: AppNodeConfig, observation_size: int, action_size: int) -> Policy:
    """The flow ẋ = f(W [x, t]), W ∈ ℝ^{h×(h+1)}.

    The column of t starts at zero, the rest of W and the projections normal with deviation 1/√fan-in.
    """
    return flow_policy(
        config,
        observation_size,
        action_size,
        trajectory=constant(config.hidden),
        projection=Euclidean(),
        biases="time",
    )
