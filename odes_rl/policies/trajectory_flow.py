"""A flow along any trajectory of weights: one that is built in, or one of the user's own."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from odes_rl.errors import UserError
from odes_rl.flows.trajectories import TRAJECTORIES
from odes_rl.flows.trajectories.options import factory_options
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds import Stiefel
from odes_rl.policies.flow import FlowConfig, flow_policy
from odes_rl.policies.policy import Policy
from odes_rl.policies.residual import Matchable


class TrajectoryFlowConfig(FlowConfig, Matchable, frozen=True):
    """A flow along any trajectory of weights, one of your own too."""

    name: Literal["trajectory_flow"] = "trajectory_flow"
    trajectory: Annotated[str, TRAJECTORIES] = "isospectral"
    """The trajectory t ↦ W(t): a factory that takes `hidden` and options; `odes-rl list trajectories` shows them."""
    trajectory_options: Mapping[str, Any] = Field(default={})
    """Options of the trajectory, as in `{degree: 3}`."""

    @model_validator(mode="after")
    def _check_options(self) -> "TrajectoryFlowConfig":
        try:
            factory_options(self.trajectory, self.trajectory_options)
        except UserError as error:
            raise ValueError(str(error)) from error
        return self


def trajectory_flow(config: TrajectoryFlowConfig, observation_size: int, action_size: int) -> Policy:
    """The flow ẋ = f(W(t) x + b) along the trajectory, with projections on Stiefel manifolds and one bias b.

    Raises:
        UserError: if the trajectory's factory refuses its options, or returns something else.
    """
    try:
        factory = TRAJECTORIES.find(config.trajectory)
        trajectory: Any = factory(config.hidden, **factory_options(config.trajectory, config.trajectory_options))
    except ValueError as error:
        raise UserError(f"policy.trajectory {config.trajectory!r}: {error}") from error
    if not isinstance(trajectory, Trajectory):
        kind = type(trajectory).__name__
        raise UserError(f"policy.trajectory {config.trajectory!r} returns a {kind}, but must return a Trajectory")
    return flow_policy(
        config, observation_size, action_size, trajectory=trajectory, projection=Stiefel(), biases="shared"
    )
