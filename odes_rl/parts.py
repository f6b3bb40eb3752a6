"""Parts by name: one of a registry's, or `module:object` of the user's own. Free of JAX."""

import importlib
import os
import traceback
from collections.abc import Mapping
from operator import attrgetter
from types import ModuleType
from typing import TypeVar

from odes_rl.errors import UserError, check_name, one_line, suggestion

Part = TypeVar("Part")


def find_part(kind: str, name: object, registry: Mapping[str, Part], type_: type[Part]) -> Part:
    """The part of that name: an entry of `registry`, or, as `module:object`, what the module holds.

    Raises:
        UserError: if there is none, its module cannot be imported, or it is no `type_`; `kind` says what it should
            be, as in "policy" or "act rule".
    """
    if not isinstance(name, str) or ":" not in name:
        return registry[check_name(kind, name, registry)]
    module_name, _, path = name.partition(":")
    module = load_module(f"{kind} {name!r}", module_name)
    try:
        part = attrgetter(path)(module)
    except AttributeError:
        held = [entry for entry, value in vars(module).items() if isinstance(value, type_)]
        hint = suggestion(path, held) or f"it holds no {type_.__name__}"
        place = getattr(module, "__file__", None) or "built in"
        raise UserError(f"{kind} {name!r}: the module {module_name} ({place}) has no {path!r}; {hint}") from None
    if not isinstance(part, type_):
        raise UserError(f"{kind} {name!r} is of type {type(part).__name__}, but must be of type {type_.__name__}")
    return part


def load_module(what: str, name: str) -> ModuleType:
    """The module of that name, from the current directory or from what is installed.

    Raises:
        UserError: if there is none, or it raises as it is imported; `what` names who asked for it.
    """
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise UserError(f"{what}: the module {name!r} cannot be imported: {_reason(name, error)}") from error


def _reason(name: str, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
        return f"there is no {error.name!r} in the current directory, {os.getcwd()}, nor among what is installed"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<frozen ")]
    raised = f"{type(error).__name__}: {one_line(error)}"
    return f"{raised} ({frames[-1].filename}, line {frames[-1].lineno})" if len(frames) > 1 else raised
