"""A flow along any trajectory of weights: one that is built in, or one of the user's own."""

from typing import Literal

from odes_rl.flows.trajectories.options import TrajectoryOptions, named_trajectory
from odes_rl.manifolds import Stiefel
from odes_rl.policies.flow import FlowConfig, flow_policy, integration_times
from odes_rl.policies.policy import Policy
from odes_rl.policies.residual import Matchable


class TrajectoryFlowConfig(TrajectoryOptions, FlowConfig, Matchable, frozen=True):
    """A flow along any trajectory of weights, one of your own too."""

    name: Literal["trajectory_flow"] = "trajectory_flow"


def trajectory_flow(config: TrajectoryFlowConfig, observation_size: int, action_size: int) -> Policy:
    """The flow ẋ = f(W(t) x + b) along the trajectory, with projections on Stiefel manifolds and one bias b.

    Raises:
        UserError: if the trajectory's factory refuses its options, or returns something else; or the trajectory refuses
            the integrator's times.
    """
    trajectory = named_trajectory(config, config.hidden, integration_times(config), "policy")
    return flow_policy(
        config, observation_size, action_size, trajectory=trajectory, projection=Stiefel(), biases="shared"
    )
