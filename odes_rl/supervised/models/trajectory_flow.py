"""A flow along any trajectory of weights: one that is built in, or one of the user's own."""

from typing import Literal

from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.flows.trajectories.options import TrajectoryOptions, named_trajectory
from odes_rl.supervised.models.flow import FlowModelConfig, flow_model
from odes_rl.supervised.models.model import Model


class TrajectoryFlowModelConfig(TrajectoryOptions, FlowModelConfig, frozen=True):
    """A flow along any trajectory of weights, one of your own too."""

    name: Literal["trajectory_flow"] = "trajectory_flow"


def trajectory_flow_model(config: TrajectoryFlowModelConfig, input_size: int, output_size: int) -> Model:
    """ẋ = f(W(t) x + b) along the trajectory.

    Raises:
        UserError: if the trajectory's factory refuses its options, returns something else, or gives other times.
    """
    times = left_nodes(config.steps)
    trajectory = named_trajectory(config, config.width, times, "model")
    return flow_model(config, input_size, output_size, trajectory, times)
