"""Wrappers around environments, by name. Free of JAX."""

import copy
from collections.abc import Callable, Sequence

import gymnasium
from gymnasium import wrappers as own

from odes_rl.errors import UserError, raised
from odes_rl.parts import Registry
from odes_rl.rollouts.options import fitted, parameters, unexpected, unknown_option
from odes_rl.rollouts.setup import Wrap

WRAPPERS: Registry[Callable[..., gymnasium.Env]] = Registry(
    "wrapper",
    "wrappers",
    Callable,  # type: ignore[arg-type] - it tells what can be called, as a type does
    {
        kind.__name__: kind
        for kind in (
            own.ClipAction,
            own.ClipReward,
            own.DelayObservation,
            own.DiscretizeAction,
            own.DiscretizeObservation,
            own.DtypeObservation,
            own.FilterObservation,
            own.FlattenObservation,
            own.FrameStackObservation,
            own.MaxAndSkipObservation,
            own.RecordEpisodeStatistics,
            own.RepeatAction,
            own.RescaleAction,
            own.RescaleObservation,
            own.ReshapeObservation,
            own.StickyAction,
            own.TimeAwareObservation,
            own.TimeLimit,
        )
    },
)
"""Gymnasium's wrappers whose options can be written in a config, and your own: classes, or functions that return an
environment. Left out are those that take a function, and those that carry something from one episode to the next."""


def wrapped(task: str, environment: gymnasium.Env, wraps: Sequence[Wrap]) -> gymnasium.Env:
    """The `environment` of the task of that name, in all wrappers, one after the other.

    Raises:
        UserError: if there is no such wrapper, or it does not have one of its options, raises, or returns something
            else than an environment.
    """
    for wrap in wraps:
        environment = _wrapped(task, environment, wrap)
    return environment


def _wrapped(task: str, environment: gymnasium.Env, wrap: Wrap) -> gymnasium.Env:
    maker = WRAPPERS.find(wrap.name)
    options = copy.deepcopy(dict(wrap.options))
    try:
        made = maker(environment, **fitted(maker, options))
    except Exception as error:
        if (name := unexpected(error, options)) is not None:
            known = list(parameters(maker))[1:]  # the first one is the environment
            raise unknown_option(f"task.wrappers.{wrap.name}", wrap.name, name, known) from error
        raise UserError(f"task.wrappers: {wrap.name} does not wrap {task}: {raised(error)}") from error
    if isinstance(made, gymnasium.Env):
        return made
    raise UserError(
        f"task.wrappers: {wrap.name} returned a {type(made).__name__}, but must return an environment of Gymnasium"
    )
