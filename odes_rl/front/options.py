"""Builds a configuration from the options of `odes_rl.train`: dictionaries, config objects, names."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel

from odes_rl.config.layering import SECTIONS
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

    Raises:
        UserError: if a section is no section.
    """
    values = {section: _values(section, sections.get(section)) for section in SECTIONS}
    of_task = TaskConfig.model_fields
    return Options(values, {f"task.{name}" if name in of_task else name: _plain(v) for name, v in options.items()})


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
