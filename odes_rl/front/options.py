"""Builds a configuration from the options of `odes_rl.train`: dictionaries, config objects, names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from pydantic import BaseModel

from odes_rl.config.layering import SECTIONS, read_sections
from odes_rl.config.packaged import find_config, paths
from odes_rl.config.schema import TaskConfig
from odes_rl.errors import UserError

Section = Mapping[str, Any] | BaseModel | str | None
"""Options of a section: a dictionary, a config object, or what its first option names."""
_NAMES = {"task": "id", "policy": "name", "strategy": "preset", "rollouts": "backend"}
"""The option of a section that a text alone gives."""


class Options(NamedTuple):
    """Options in the two layers of `layer_values`.

    Attributes:
        values: section → option → value, as a file has them.
        overrides: dotted option → value, as a command line has them.
    """

    values: dict[str, dict[str, Any]]
    overrides: dict[str, Any]


def gathered(sections: Mapping[str, Section], options: Mapping[str, Any]) -> Options:
    """The options in `sections`, and single ones: those of the task by their names, any by `section.option`.

    A task that is the path or the name of a config stands for that config, over which the other sections come.

    Raises:
        UserError: if a section is no section, or there is no such config.
    """
    of_task = TaskConfig.model_fields
    single = {f"task.{name}" if name in of_task else name: _plain(v) for name, v in options.items()}
    config = _config_named(sections.get("task"))
    given = {s: _values(s, sections.get(s)) for s in SECTIONS if s != "task" or config is None}
    if config is None:
        return Options(given, single)
    over = {f"{section}.{option}": value for section, values in given.items() for option, value in values.items()}
    return Options(read_sections(config), over | single)


def environment_options(options: Mapping[str, Any]) -> list[str]:
    """The names of the environment's options among single ones, as a mapping or one by one."""
    whole = options.get("options", options.get("task.options"))
    entries = [name.split(".")[2] for name in options if name.startswith("task.options.")]
    return [*(whole if isinstance(whole, Mapping) else ()), *entries]


def _config_named(task: Section) -> str | Path | None:
    """The config that `task` names; an id that is registered comes first."""
    if not isinstance(task, str) or task in gymnasium.registry:
        return None
    is_config = Path(task).suffix in (".yaml", ".yml") or task in paths()
    return find_config(task, "train") if is_config else None


def _values(section: str, given: Section) -> dict[str, Any]:
    name = _NAMES.get(section)
    if given is None:
        return {}
    if isinstance(given, str) and name:
        return {name: given}
    if isinstance(given, BaseModel):  # what it does not set is left to the presets
        named = {name: getattr(given, name)} if name in type(given).model_fields else {}
        return named | given.model_dump(exclude_unset=True)
    if isinstance(given, Mapping):
        return {str(option): _plain(value) for option, value in given.items()}
    also = f", or the {name} alone" if name else ""
    raise UserError(f"{section} is {given!r}, but must hold options, as a dictionary or a config object{also}")


def _plain(value: Any) -> Any:
    """A number of NumPy as Python's own, an array as a list; anything else as it is."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value
