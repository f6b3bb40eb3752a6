"""Tasks by their names: Gymnasium's ids, or the class or function that makes an environment. Free of JAX."""

import importlib
import inspect
import logging
import os
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from io import StringIO
from operator import attrgetter
from typing import Any, cast

from odes_rl.errors import UserError, suggestion
from odes_rl.extras import is_installed, require
from odes_rl.parts import load_module

os.environ.setdefault("MUJOCO_GL", "disable")  # without a display, rendering back ends warn as they load

import gymnasium
from gymnasium.envs.registration import EnvCreator, EnvSpec

_log = logging.getLogger(__name__)
_WITHOUT_FEATURES = ("compatibility", "_vision-", "dm_control/Rodent", "CmuHumanoidRun", "Forage-")
"""Of DM Control's ids: its wrapper alone, and tasks with a camera among their observations. Tests make each."""

LOCAL = "local/"
"""Begins the ids of makers that one process alone knows, under no name."""
NAMED = "define it at the top level of a module, by class or def"
"""How a maker gets a name."""


def find_task(task: str, options: Iterable[str] = ()) -> str | EnvSpec:
    """The argument of `gymnasium.make` for `task`: an id, or a spec of the class or function that it names.

    It is an id (`HalfCheetah-v5`, `dm_control/humanoid-stand-v0`), or `module:` and an id that the module registers, or
    a class of environments in it, or a function that returns one; both are called with the `options` of those names
    alone.

    Raises:
        UserError: if there is none, which names the nearest, or its module cannot be imported, or what it names cannot
            be called so.
    """
    module, colon, name = task.rpartition(":")
    if colon and not module:
        raise UserError(f"task.id is {task!r}, but no module is named before the colon: leave it out, or name one")
    held = load_module("task.id", module) if module else None
    if name not in gymnasium.registry and (maker := attribute(held, name)) is not None:
        check_maker(task, maker, options)
        return EnvSpec(task, cast("EnvCreator", maker))
    _check_registered(name, [entry for entry, value in vars(held or object).items() if _is_environment(value)])
    return task


def is_built_in(task: str) -> bool:
    """Whether `task` is one of Gymnasium's or DM Control's, which repeat an episode with its seed."""
    spec = gymnasium.registry.get(task)
    maker = spec and spec.entry_point
    module = maker if isinstance(maker, str) else getattr(getattr(maker, "func", maker), "__module__", None)
    return module is not None and module.partition(".")[0] in ("gymnasium", "shimmy")


def attribute(holder: Any, path: str) -> Any:
    """The attribute of `holder` at a dotted `path`, or None."""
    try:
        return attrgetter(path)(holder)
    except AttributeError:
        return None


def check_maker(task: str, maker: Any, options: Iterable[str] = ()) -> None:
    """Check that `maker` can be called with the `options` of those names alone.

    Raises:
        UserError: if it cannot, since it requires others.
    """
    if not callable(maker):
        raise UserError(
            f"task.id: {task} is of type {type(maker).__name__}, but must be a class of environments, or a function "
            "that returns one"
        )
    try:
        signature = inspect.signature(maker)
        signature.bind(**{name: None for name in options if name in signature.parameters})
    except TypeError as error:
        raise UserError(
            f"task.id: {task} requires arguments ({error}): give them in task.options, or give them defaults"
        ) from None
    except ValueError:  # what is not written in Python may tell no signature
        return


def _is_environment(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, gymnasium.Env)


def _check_registered(task: str, others: Iterable[str]) -> None:
    """Check that an environment is registered under the id `task`; `others` are what else it may have meant."""
    if task.startswith("dm_control/"):
        require(f"task.id: {task}", "shimmy", "dm_control")
        _register_dm_control()
    if task not in gymnasium.registry:
        if task.startswith(LOCAL):
            raise UserError(f"task.id: {task} was an environment of the process that trained it; {NAMED}")
        _register_dm_control()
        hint = suggestion(task, [*gymnasium.registry, *others], listing="`odes-rl list tasks`")
        raise UserError(f"task.id: no task {task!r}; {hint}")


def task_ids() -> list[str]:
    """Ids of the MuJoCo tasks of Gymnasium (newest versions) and of DM Control, without those that observe images.

    Those whose package is not installed are left out.
    """
    _register_dm_control()
    mujoco = is_installed("mujoco")
    return sorted(
        name
        for name, spec in gymnasium.registry.items()
        if (mujoco and name.endswith("-v5") and "mujoco" in str(spec.entry_point))
        or (name.startswith("dm_control/") and not any(word in name for word in _WITHOUT_FEATURES))
    )


def _register_dm_control() -> None:
    if not is_installed("shimmy"):
        return
    with redirect_stdout(StringIO()) as told:  # that tasks are left out, which need labmaze
        shimmy = importlib.import_module("shimmy")
        gymnasium.register_envs(shimmy)
    _log.debug("%s", told.getvalue())
    log_physics_warnings()  # dm_control prints them


def log_physics_warnings() -> None:
    """Have MuJoCo's warnings logged, if it is loaded.

    Left alone it prints them, and writes MUJOCO_LOG.TXT where the user stands.
    """
    if (mujoco := sys.modules.get("mujoco")) is not None:
        mujoco.set_mju_user_warning(_log.info)
