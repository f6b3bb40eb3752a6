"""Environments given as classes or functions: names for them, by which workers find them where they can."""

import logging
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import gymnasium
from gymnasium.envs.registration import EnvCreator

from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import UserError
from odes_rl.rollouts.choosing import choose_backend
from odes_rl.rollouts.registration import is_importable
from odes_rl.rollouts.tasks import LOCAL, NAMED, attribute, check_maker

_log = logging.getLogger(__name__)


def name_of(maker: Callable[..., Any], options: Iterable[str] = ()) -> str:
    """The `task.id` that means `maker`, an environment's class or a function that makes one.

    It is `module:object` where its module holds it under its name, which a notebook's `__main__` does, too; else an id
    that is registered in this process.

    Raises:
        UserError: if `maker` wants arguments other than the `options` of those names.
    """
    if name := _place_of(maker):
        return name
    label = re.sub(r"\W+", "_", getattr(maker, "__name__", type(maker).__name__)).strip("_")
    check_maker(label, maker, options)
    return _registered(label, maker)


def _place_of(maker: Any) -> str | None:
    """The `module:object` under which a class or function is found; None if there is none."""
    module, path = getattr(maker, "__module__", None), getattr(maker, "__qualname__", None)
    held = module and path and attribute(sys.modules.get(module), path) is maker
    return f"{module}:{path}" if held else None


def named_wrappers(wrappers: Any) -> Any:
    """`wrappers` as configs have them: of a class or function its name, of a pair with options a mapping.

    Raises:
        UserError: if a class or function is not found by its name.
    """
    return [_named(entry) for entry in wrappers] if isinstance(wrappers, list | tuple) else wrappers


def _named(entry: Any) -> Any:
    if isinstance(entry, tuple | list) and len(entry) == 2:
        return {_named(entry[0]): entry[1]}
    if isinstance(entry, Mapping):
        return {_named(wrapper): options for wrapper, options in entry.items()}
    if not callable(entry):
        return entry
    if name := _place_of(entry):
        return name
    raise UserError(f"task.wrappers: {entry!r} cannot be found by its name: {NAMED}")


def _registered(label: str, maker: Callable[..., Any]) -> str:
    for name, spec in gymnasium.registry.items():
        if name.startswith(LOCAL) and spec.entry_point is maker:
            return name
    name = f"{LOCAL}{label}-{secrets.token_hex(4)}-v0"  # no other process has it: it would mean another maker there
    gymnasium.register(name, entry_point=cast("EnvCreator", maker))
    return name


def warn_of_local(task: str) -> None:
    """Warn that a run of `task` which is kept is of no use to another process, if that is so."""
    if task.startswith(LOCAL):
        _log.warning("task: %s is known to this process alone: no other can load or resume the run; %s", task, NAMED)


def with_backend_for(config: ExperimentConfig, maker: Callable[..., Any]) -> ExperimentConfig:
    """`config` with the backend `serial`, if it is `auto` and worker processes could not find `maker`.

    Raises:
        UserError: if they could not, and the config asks for them.
    """
    rollouts, name = config.rollouts, config.task.id
    elsewhere = not name.startswith(LOCAL) and is_importable(name.partition(":")[0])
    if elsewhere or choose_backend(rollouts, config.episodes).backend == "serial":
        return config
    label = getattr(maker, "__qualname__", repr(maker))
    told = f"task: worker processes cannot import {label} of {getattr(maker, '__module__', None) or 'no module'}"
    fix = "define it at the top level of a separate file, and import it from there"
    if (rollouts.backend, rollouts.workers, rollouts.inference) != ("auto", None, "workers"):
        raise UserError(f"{told}: {fix}, or use rollouts='serial'")
    _log.warning("%s: episodes run in this process; to use worker processes, %s", told, fix)
    return config.model_copy(update={"rollouts": rollouts.model_copy(update={"backend": "serial"})})
