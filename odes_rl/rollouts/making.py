"""Makes the environment of a task; every mistake in its options becomes one line. Free of JAX."""

import copy
import importlib
import os
import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec, load_env_creator

from odes_rl.errors import UserError, one_line, raised
from odes_rl.extras import lacking, missing
from odes_rl.rollouts.options import fitted, parameters, unexpected, unknown_option
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.rollouts.repeating import repeating, settled
from odes_rl.rollouts.setup import Setup
from odes_rl.rollouts.tasks import find_task, log_physics_warnings

_TAKEN = {"id": "task.id", "max_episode_steps": "task.max_steps", "disable_env_checker": None}
"""Parameters of `gymnasium.make` itself, and the options of a config that set them."""


def made(task: str, max_steps: int | None, setup: Setup, **options: Any) -> gymnasium.Env:
    """The environment of the task of that name, without the wrappers of `setup`.

    `options` go to Gymnasium too, and override those of `setup`.

    Raises:
        UserError: if there is no such task, it needs what is missing here, or its options do not suit it.
        EnvironmentFailure: if a task without options raises anything else as it is made.
    """
    for name in _TAKEN.keys() & setup.options.keys():
        other = f"set {_TAKEN[name]}" if _TAKEN[name] else "leave it out"
        raise UserError(f"task.options.{name} is no option of an environment: {other}")
    found = find_task(task, setup.options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            given = settled(task, copy.deepcopy(setup.options))  # some environments change what they are given
            creator = _creator(found)
            given = fitted(creator, given) if creator and given else given
            log_physics_warnings()  # some come as a model is loaded; what makes the environment has imported MuJoCo
            environment = gymnasium.make(found, max_steps, disable_env_checker=True, **{**given, **options})
            return repeating(_unseen(environment))
        except (Exception, SystemExit) as error:
            raise _mistake(task, found, setup, options, error) from error


def _creator(found: str | EnvSpec) -> Any:
    """The class or function that makes the environment; None if Gymnasium knows none."""
    spec = gymnasium.registry[found.rpartition(":")[2]] if isinstance(found, str) else found
    return load_env_creator(spec.entry_point) if isinstance(spec.entry_point, str) else spec.entry_point


def _unseen(environment: gymnasium.Env) -> gymnasium.Env:
    """`environment`, which readies no pictures where nothing renders: DM Control's quadruped-escape asks for them."""
    physics: Any = getattr(getattr(environment.unwrapped, "_env", None), "physics", None)
    if os.environ.get("MUJOCO_GL") == "disable" and hasattr(physics, "_make_rendering_contexts"):
        physics._make_rendering_contexts = lambda: None
    return environment


def _mistake(
    task: str, found: str | EnvSpec, setup: Setup, options: dict[str, Any], error: BaseException
) -> UserError | EnvironmentFailure:
    """What `error`, which making the environment raised, is to its user."""
    message = one_line(error)
    if (module := lacking(error)) is not None:
        return missing(f"task.id: {task}", module)
    if "MUJOCO_GL" in message:  # MuJoCo's, as it is loaded
        return UserError(f"MuJoCo does not load with MUJOCO_GL={os.environ.get('MUJOCO_GL')}: {message}")
    if isinstance(error, ImportError | gymnasium.error.Error):
        return UserError(f"task.id: {task} cannot be made: {message}")
    if "OpenGL" in message:  # dm_control's, for tasks that render what they observe
        return UserError(f"task.id: {task} observes images, but policies have no layers for images ({message})")
    if (name := unexpected(error, setup.option_names)) is not None:
        return unknown_option("task.options", task, name, _known(found))
    if isinstance(error, TypeError) and "render_mode" in options and "argument" in message:
        return UserError(f"{task} takes no render_mode: a film needs that parameter, and a method render")
    takes_no_option = isinstance(error, TypeError) and any(repr(option) in message for option in options)
    if takes_no_option or "gymnasium.Env" in message:  # Gymnasium's own, of classes of the old package
        return UserError(f"task.id: {task} cannot be made: {message}")
    if setup.options:
        return UserError(f"task.options: {task} cannot be made with {dict(setup.options)}: {raised(error)}")
    return EnvironmentFailure.of(f"{task} raised an exception in its creation", error)


def _known(found: str | EnvSpec) -> list[str]:
    """The options that the environment has, as far as signatures tell; dotted where DM Control's are in mappings."""
    creator = _creator(found)
    names = list(parameters(creator))
    suite = getattr(creator, "keywords", {})
    if not {"domain_name", "task_name", "task_kwargs", "environment_kwargs"} <= {*names, *suite}:
        return sorted(names)
    below = _of_suite(suite["domain_name"], suite["task_name"])
    return sorted([*(name for name in names if not name.endswith("_kwargs")), *below])


def _of_suite(domain: str, task: str) -> Iterator[str]:
    """The options of a task of DM Control's suite, and of its environment, in the mappings that take them."""
    control = importlib.import_module("dm_control.rl.control")
    maker = importlib.import_module(f"dm_control.suite.{domain}").SUITE[task]
    yield from (f"task_kwargs.{name}" for name in parameters(maker) if name != "environment_kwargs")
    own = ("physics", "task", "time_limit")  # which the task gives
    yield from (f"environment_kwargs.{name}" for name in parameters(control.Environment) if name not in own)
