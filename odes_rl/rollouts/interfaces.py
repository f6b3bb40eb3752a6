"""The interface of environments, and what earlier ones had otherwise. Free of JAX."""

import inspect
from collections.abc import Iterator
from typing import Any

import gymnasium

from odes_rl.errors import UserError

_RESET = "def reset(self, *, seed=None, options=None), which returns (observation, info)"
_STEP = "(observation, reward, terminated, truncated, info)"


def layers(environment: gymnasium.Env) -> Iterator[gymnasium.Env]:
    """The environment, and what each of its wrappers wraps."""
    yield environment
    while isinstance(environment, gymnasium.Wrapper):
        environment = environment.env
        yield environment


def check_resets(task: str, environment: gymnasium.Env) -> None:
    """Check that `reset` of the environment, and of each wrapper around it, takes a seed and options.

    Raises:
        UserError: if it is that of the old interface, which took neither.
    """
    for layer in layers(environment):
        parameters = inspect.signature(layer.reset).parameters
        if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
            continue
        for name in ("seed", "options"):
            if name not in parameters:
                raise UserError(
                    f"task.id: {task} has the old interface: reset of {type(layer).__name__} takes no {name}; "
                    f"Gymnasium's is {_RESET}"
                )


def first_observation(task: str, answer: Any) -> Any:
    """The observation in what `reset` returned.

    Raises:
        UserError: if it returned something else, as the old interface did.
    """
    if isinstance(answer, tuple) and len(answer) == 2:
        return answer[0]
    raise UserError(
        f"task.id: {task} has the old interface: reset returned a {type(answer).__name__}; Gymnasium's is {_RESET}"
    )


def check_step(task: str, error: BaseException) -> None:
    """Look whether `error` is that of unpacking what `step` of the old interface returned.

    Raises:
        UserError: if it is.
    """
    if not isinstance(error, ValueError) or "(expected 5, got 4)" not in str(error):
        return
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    module = last.tb_frame.f_globals.get("__name__", "") if last else ""
    if module.startswith(("gymnasium.", "odes_rl.")):  # who unpacks; an environment's own mistakes are its own
        raise UserError(
            f"task.id: {task} has the old interface: step returned four values; Gymnasium's returns {_STEP}"
        ) from None


def is_divergence(error: BaseException) -> bool:
    """Whether `error` is DM Control's of physics that diverged, which is what a candidate did, not the environment."""
    kind = type(error)  # by name: most tasks never import dm_control
    return kind.__name__ == "PhysicsError" and kind.__module__.startswith("dm_control")
