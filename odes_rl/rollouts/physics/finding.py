"""Finds the description of an environment. Free of JAX."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import gymnasium
from gymnasium.wrappers import OrderEnforcing, TimeLimit

from odes_rl.rollouts.physics.description import Description, Physics
from odes_rl.rollouts.physics.of_gymnasium.tasks import GYMNASIUM_TASKS


class Known(NamedTuple):
    """An environment that can be described: what describes it after a reset, its mjModel and its mjData."""

    describe: Callable[[], Description]
    model: Any
    data: Any


def describe_physics(environment: gymnasium.Env) -> Physics | None:
    """The description of `environment`, its model and its data; None if there is no description of it.

    Time limits, of wrappers and of the task itself, are in the description. Resets the environment, so that the model
    has what a reset writes into it.
    """
    limits, inner = unwrap(environment)
    found = known(inner)
    if found is None:
        return None
    environment.reset(seed=0)
    description = found.describe()
    limits += [description.limit] if description.limit else []
    return Physics(description._replace(limit=min(limits, default=None)), found.model, found.data)


def known(inner: Any) -> Known | None:
    """How the environment below wrappers is described, if it can be."""
    if (describe := GYMNASIUM_TASKS.get(class_name(inner))) is not None:
        return Known(partial(describe, inner), inner.model, inner.data)
    if class_name(inner) != "shimmy.dm_control_compatibility:DmControlCompatibilityV0":
        return None
    control = inner._env
    if class_name(control) != "dm_control.rl.control:Environment":
        return None
    from odes_rl.rollouts.physics.of_dm_control.tasks import DM_CONTROL_TASKS  # needs dm_control

    describe = DM_CONTROL_TASKS.get(class_name(control.task))
    if describe is None:
        return None
    return Known(partial(describe, control), control.physics.model.ptr, control.physics.data.ptr)


def unwrap(environment: gymnasium.Env) -> tuple[list[int], Any]:
    """Time limits, and the environment below wrappers that change neither observation nor reward."""
    limits: list[int] = []
    inner: Any = environment
    while type(inner) in (OrderEnforcing, TimeLimit):
        if type(inner) is TimeLimit:
            limits.append(inner._max_episode_steps)
        inner = inner.env
    return limits, inner


def class_name(thing: object) -> str:
    """`module:class` of the type of `thing`."""
    return f"{type(thing).__module__}:{type(thing).__qualname__}"
