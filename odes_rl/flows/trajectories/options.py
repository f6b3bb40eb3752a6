"""Options of a trajectory's factory, read from its signature, and trajectories by name."""

import inspect
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import jax
from pydantic import BaseModel, Field, create_model, model_validator

from odes_rl.errors import UserError
from odes_rl.flows.trajectories import TRAJECTORIES
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds.trees import not_floats
from odes_rl.validation import STRICT, build_model


def options_of(factory: Callable[..., Any]) -> type[BaseModel]:
    """The options of a trajectory's factory: its parameters behind `hidden` that are numbers, texts, choices or None.

    Raises:
        UserError: if it has no parameter for `hidden`.
    """
    parameters = list(inspect.signature(factory, eval_str=True).parameters.values())
    if not parameters:
        raise UserError(f"the trajectory {factory.__name__} takes no argument, but must take hidden")
    fields: Any = {
        p.name: (p.annotation, ... if p.default is p.empty else p.default)
        for p in parameters[1:]
        if _is_plain(p.annotation)
    }
    return create_model(factory.__name__, __config__=STRICT, **fields)


def _is_plain(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return all(map(_is_plain, get_args(annotation)))
    return annotation in (int, float, str, bool, type(None)) or get_origin(annotation) is Literal


def factory_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The `given` options of the trajectory called `name`, with the types that its factory's signature has.

    Raises:
        UserError: if there is no such trajectory; or an option is unknown, or of another type.
    """
    return dict(build_model(options_of(TRAJECTORIES.find(name)), given, "trajectory_options."))


class TrajectoryOptions(BaseModel, frozen=True):
    """A trajectory by name."""

    model_config = STRICT

    trajectory: Annotated[str, TRAJECTORIES] = "isospectral"
    """The trajectory t ↦ W(t): a factory that takes `hidden` and options, by a name from `odes-rl list trajectories`,
    or as `module:object`."""
    trajectory_options: Mapping[str, Any] = Field(default={})
    """Options of the trajectory, as in `{degree: 3}`."""

    @model_validator(mode="after")
    def _check_options(self) -> "TrajectoryOptions":
        try:
            factory_options(self.trajectory, self.trajectory_options)
        except UserError as error:
            raise ValueError(str(error)) from error
        return self


def named_trajectory(options: TrajectoryOptions, hidden: int, times: jax.Array, section: str) -> Trajectory:
    """The trajectory [L, h, h] at `times` [L] that the options of a `section` name, as in `policy`; h = `hidden`.

    Raises:
        UserError: if its factory refuses its options, or returns something else; or the trajectory refuses the times,
            or its functions take other arguments.
    """
    name = f"{section}.trajectory {options.trajectory!r}"
    try:
        factory = TRAJECTORIES.find(options.trajectory)
        trajectory: Any = factory(hidden, **factory_options(options.trajectory, options.trajectory_options))
        if not isinstance(trajectory, Trajectory):
            raise UserError(f"it returns a {type(trajectory).__name__}, but must return a Trajectory")
        params = jax.eval_shape(trajectory.init, jax.random.key(0))
        if wrong := not_floats(params):
            raise UserError(wrong)
        found: Any = jax.eval_shape(lambda params: trajectory.weights(params, times), params)  # known in a run too
        shape, wanted = getattr(found, "shape", found), (len(times), hidden, hidden)
        if shape != wanted:
            raise UserError(f"its weights at {len(times)} times are {shape}, but must be {wanted}")
        if len(trajectory.jumps) >= len(times):
            raise UserError(f"it has {len(trajectory.jumps) + 1} pieces, but {len(times)} times see no more than that")
    except (ValueError, TypeError) as error:
        raise UserError(f"{name}: {error}") from error
    return trajectory
