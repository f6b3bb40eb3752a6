"""Options by the signatures of what they are for: which there are, and the types that YAML lacks. Free of JAX."""

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter
from typing import Any

import numpy as np

from odes_rl.errors import UserError, suggestion

_ALL = 1000
"""More options than anything has: messages name all."""
_BY_KEYWORD = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")


def parameters(maker: Callable[..., Any]) -> dict[str, Parameter]:
    """The parameters by which options are given to a class or a function, as far as signatures tell.

    A class that passes on what it does not name has the optional ones of its bases, too.
    """
    bound = maker.keywords if isinstance(maker, functools.partial) else {}
    found = {name: parameter for name, parameter in _signature(maker).items() if name not in bound}
    if isinstance(maker, type):
        passes_on = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in found.values())
        for base in maker.__bases__ if passes_on else ():
            optional = {n: p for n, p in parameters(base).items() if p.default is not Parameter.empty}
            found = {**optional, **found}
    return {name: parameter for name, parameter in found.items() if parameter.kind in _BY_KEYWORD}


def _signature(maker: Callable[..., Any]) -> Mapping[str, Parameter]:
    try:
        return inspect.signature(maker).parameters
    except (TypeError, ValueError):  # what is not written in Python may tell no signature
        return {}


def fitted(maker: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """`options` in which a list is a tuple or an array where the annotation of its parameter names one, and no list."""
    known = parameters(maker)
    return {name: _fitted(value, known[name].annotation) if name in known else value for name, value in options.items()}


def _fitted(value: Any, annotation: Any) -> Any:
    words = annotation if isinstance(annotation, str) else str(annotation)
    if not isinstance(value, list) or re.search(r"\b[lL]ist\b", words):
        return value
    if "ndarray" in words:
        return np.array(value)
    return tuple(value) if re.search(r"\b[tT]uple\b", words) else value


def unexpected(error: BaseException, names: Iterable[str]) -> str | None:
    """The one of the dotted option `names` that `error` says is not a parameter; None if it says something else."""
    found = _UNEXPECTED.search(str(error)) if isinstance(error, TypeError) else None
    return next((name for name in names if found and found[1] in name.split(".")), None)


def unknown_option(place: str, of: str, name: str, known: Iterable[str]) -> UserError:
    """The mistake that the options at `place`, for what is called `of`, have one of that `name`."""
    hint = suggestion(name, known, limit=_ALL) or "its signature names none"
    return UserError(f"unknown option {place}.{name}: {of} has no such option; {hint}")
