"""Environments by their Gymnasium id, with flat float64 observations. Free of JAX."""

import importlib.util
import logging
import os
import warnings
from contextlib import redirect_stdout
from io import StringIO
from typing import Any, NamedTuple

import numpy as np

from odes_rl.errors import UserError, one_line, suggestion
from odes_rl.parts import load_module

os.environ.setdefault("MUJOCO_GL", "disable")  # without a display, rendering back ends warn as they load

import gymnasium

try:
    import mujoco
except (AttributeError, RuntimeError, ImportError) as error:  # whichever its renderer meets
    raise UserError(f"MuJoCo does not load with MUJOCO_GL={os.environ['MUJOCO_GL']}: {error}") from error

_log = logging.getLogger(__name__)


class Task(NamedTuple):
    """Sizes of a task: observation entries n, action entries m, action bounds low and high [m] float32."""

    observation_size: int
    action_size: int
    low: np.ndarray
    high: np.ndarray


def make_environment(task: str, max_steps: int | None = None, **options: Any) -> gymnasium.Env:
    """The environment with id `task` (`HalfCheetah-v5`, `dm_control/humanoid-stand-v0`, `module:Id-v0`).

    An episode is truncated after `max_steps` steps; None leaves the task its own limit. `options` go to
    Gymnasium.

    Raises:
        UserError: if no such id is registered, it needs a package that is missing, or its spaces are not
            continuous.
    """
    check_task(task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            environment = gymnasium.make(task, max_steps, disable_env_checker=True, **options)
        except (ImportError, gymnasium.error.Error) as error:
            raise UserError(f"task.id: {task} cannot be made: {one_line(error)}") from error
    _check_spaces(task, environment)
    return environment


def describe(environment: gymnasium.Env) -> Task:
    """The sizes and action bounds of an environment that `make_environment` made."""
    actions = environment.action_space
    assert isinstance(actions, gymnasium.spaces.Box)
    return Task(
        observation_size=gymnasium.spaces.flatdim(environment.observation_space),
        action_size=actions.shape[0],
        low=actions.low.astype(np.float32),
        high=actions.high.astype(np.float32),
    )


def describe_task(task: str, squash: str = "clip") -> Task:
    """The sizes and action bounds of the task with that id.

    Raises:
        UserError: as `make_environment` does; also if `squash` is tanh and an action has no bound.
    """
    environment = make_environment(task)
    try:
        described = describe(environment)
    finally:
        environment.close()
    if squash == "tanh" and not np.isfinite([described.low, described.high]).all():
        raise UserError(f"policy.squash: tanh needs bounded actions, and those of {task} are not: use clip")
    return described


def flatten(observation: Any) -> np.ndarray:
    """[n] float64: an observation, or the entries of a dictionary observation one behind the other."""
    if isinstance(observation, dict):
        return np.concatenate([flatten(entry) for entry in observation.values()])
    return np.asarray(observation, np.float64).reshape(-1)


def check_task(task: str) -> None:
    """Check that an environment is registered under the id `task`, without making one.

    Raises:
        UserError: if there is none, which names the nearest id, or the module that registers it cannot be imported.
    """
    if ":" in task:
        module, _, task = task.partition(":")
        load_module("task.id", module)
    if task.startswith("dm_control/"):
        if importlib.util.find_spec("dm_control") is None:
            raise UserError(
                f"task.id: {task} needs the package dm_control, which is not installed: scripts/setup installs it, on "
                "Python 3.13 and newer by `pip install --no-deps dm_control`"
            )
        _register_dm_control()
    if task not in gymnasium.registry:
        _register_dm_control()
        hint = suggestion(task, gymnasium.registry, listing="`odes-rl list tasks`")
        raise UserError(f"task.id: no task {task!r}; {hint}")


def task_ids() -> list[str]:
    """Ids of the MuJoCo tasks of Gymnasium (newest versions) and of DM Control."""
    _register_dm_control()
    return sorted(
        name
        for name, spec in gymnasium.registry.items()
        if (name.endswith("-v5") and "mujoco" in str(spec.entry_point))
        or (name.startswith("dm_control/") and "compatibility" not in name)
    )


def _register_dm_control() -> None:
    with redirect_stdout(StringIO()) as told:  # that tasks are left out, which need labmaze
        shimmy = importlib.import_module("shimmy")
        gymnasium.register_envs(shimmy)
    _log.debug("%s", told.getvalue())
    _log_physics_warnings()  # dm_control prints them


def _log_physics_warnings() -> None:
    """Have MuJoCo's warnings logged: left alone it prints them, and writes MUJOCO_LOG.TXT where the user stands."""
    mujoco.set_mju_user_warning(_log.info)  # pyright: ignore[reportAttributeAccessIssue] - not in its stubs


_log_physics_warnings()


def _check_spaces(task: str, environment: gymnasium.Env) -> None:
    actions = environment.action_space
    if not isinstance(actions, gymnasium.spaces.Box) or len(actions.shape) != 1:
        raise UserError(f"task.id: {task} has actions {actions}; policies need a one-dimensional Box")
    observations = environment.observation_space
    entries = observations.values() if isinstance(observations, gymnasium.spaces.Dict) else [observations]
    if not all(isinstance(entry, gymnasium.spaces.Box) for entry in entries):
        raise UserError(f"task.id: {task} has observations {observations}; policies need a Box or a Dict of Boxes")
