"""Environments by the names of their tasks. Free of JAX."""

import logging
import math
import os
import traceback
import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec

from odes_rl.errors import UserError, one_line
from odes_rl.extras import lacking, missing
from odes_rl.rollouts.interfaces import check_resets, layers
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.rollouts.spaces import action_bounds, check_spaces
from odes_rl.rollouts.tasks import find_task, log_physics_warnings

_log = logging.getLogger(__name__)


class Task(NamedTuple):
    """The sizes and bounds of a task.

    Attributes:
        observation_size: entries of an observation, n.
        action_size: entries of an action, m.
        low: lowest actions [m], float32 if the task's actions are, else float64.
        high: highest actions [m], of the same type.
        endless: nothing that is known ends an episode: its environment may, by itself.
    """

    observation_size: int
    action_size: int
    low: np.ndarray
    high: np.ndarray
    endless: bool


def make_environment(task: str, max_steps: int | None = None, **options: Any) -> gymnasium.Env:
    """The environment of the task of that name (`find_task`).

    An episode is truncated after `max_steps` steps; None leaves the task its own limit. `options` go to Gymnasium.

    Raises:
        UserError: if there is no such task, it needs what is missing here, its spaces do not suit a policy, or its
            interface is an old one.
        EnvironmentFailure: if the environment raises anything else as it is made.
    """
    environment = _make(task, find_task(task), max_steps, options)
    log_physics_warnings()
    try:
        check_spaces(task, environment.observation_space, environment.action_space)
        check_resets(task, environment)
    except UserError:
        close_all([environment], logging.DEBUG)
        raise
    return environment


def _make(task: str, found: str | EnvSpec, max_steps: int | None, options: dict[str, Any]) -> gymnasium.Env:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return gymnasium.make(found, max_steps, disable_env_checker=True, **options)
        except (ImportError, gymnasium.error.Error) as error:
            if (module := lacking(error)) is not None:
                raise missing(f"task.id: {task}", module) from error
            raise UserError(f"task.id: {task} cannot be made: {one_line(error)}") from error
        except Exception as error:
            message = one_line(error)
            if "MUJOCO_GL" in message:  # MuJoCo's, as it is loaded
                raise UserError(
                    f"MuJoCo does not load with MUJOCO_GL={os.environ.get('MUJOCO_GL')}: {message}"
                ) from error
            if "OpenGL" in message:  # dm_control's, for tasks that render what they observe
                raise UserError(
                    f"task.id: {task} observes images, but policies have no layers for images ({message})"
                ) from error
            takes_no_option = isinstance(error, TypeError) and any(repr(option) in message for option in options)
            if takes_no_option or "gymnasium.Env" in message:  # Gymnasium's own, of classes of the old package
                raise UserError(f"task.id: {task} cannot be made: {message}") from error
            text = "".join(traceback.format_exception(error)).rstrip()
            raise EnvironmentFailure(f"{task} raised an exception in its creation:\n{text}") from None


def describe(environment: gymnasium.Env) -> Task:
    """The sizes and bounds of an environment from `make_environment`."""
    actions = environment.action_space
    assert isinstance(actions, gymnasium.spaces.Box)
    return Task(
        gymnasium.spaces.flatdim(environment.observation_space),
        actions.shape[0],
        *action_bounds(actions),
        endless=_is_endless(environment),
    )


def describe_task(task: str, squash: str = "clip") -> Task:
    """The sizes and bounds of the task of that name.

    Raises:
        UserError: as `make_environment` does; also if `squash` is tanh and an action has no bound.
        EnvironmentFailure: as `make_environment` does.
    """
    environment = make_environment(task)
    try:
        described = describe(environment)
    finally:
        close_all([environment], logging.DEBUG)  # those that are stepped will tell, if they raise too
    if squash == "tanh" and not np.isfinite([described.low, described.high]).all():
        raise UserError(f"policy.squash: tanh needs bounded actions, but those of {task} are unbounded: use clip")
    return described


def close_all(environments: Iterable[gymnasium.Env], level: int = logging.WARNING) -> None:
    """Close environments; one line at that `level` tells of those that raise, for what they were used for is done."""
    errors = []
    for environment in environments:
        try:
            environment.close()
        except Exception as error:
            errors.append(f"{environment} raised an exception in close: {type(error).__name__}: {one_line(error)}")
    if errors:
        _log.log(level, errors[0] + (f", and {len(errors) - 1} more" if errors[1:] else ""))


def _is_endless(environment: gymnasium.Env) -> bool:
    """Whether neither a limit of Gymnasium's nor one of DM Control's, of which Gymnasium knows nothing, is set."""
    if any(isinstance(layer, gymnasium.wrappers.TimeLimit) for layer in layers(environment)):
        return False
    control = getattr(environment.unwrapped, "_env", None)
    limits = [getattr(control, name, math.inf) for name in ("_step_limit", "_time_limit")]
    return not any(isinstance(limit, int | float) and math.isfinite(limit) for limit in limits)
