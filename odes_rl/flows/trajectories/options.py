"""Options of a trajectory's factory, read from its signature."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_origin

from pydantic import BaseModel, create_model

from odes_rl.errors import UserError
from odes_rl.flows.trajectories import TRAJECTORIES
from odes_rl.validation import STRICT, build_model


def options_of(factory: Callable[..., Any]) -> type[BaseModel]:
    """The options of a trajectory's factory: its parameters behind `hidden` that are numbers, texts or choices.

    Raises:
        UserError: if it has no parameter for `hidden`.
    """
    parameters = list(inspect.signature(factory, eval_str=True).parameters.values())
    if not parameters:
        raise UserError(f"the trajectory {factory.__name__} takes no argument, but must take hidden")
    fields: Any = {
        p.name: (p.annotation, ... if p.default is p.empty else p.default)
        for p in parameters[1:]
        if p.annotation in (int, float, str, bool) or get_origin(p.annotation) is Literal
    }
    return create_model(factory.__name__, __config__=STRICT, **fields)


def factory_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The `given` options of the trajectory called `name`, with the types that its factory's signature has.

    Raises:
        UserError: if there is no such trajectory; or an option is unknown, or of another type.
    """
    return dict(build_model(options_of(TRAJECTORIES.find(name)), given, "trajectory_options."))
