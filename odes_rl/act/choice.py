"""Act rules by name, in Python and in compiled code that calls their kernels. Free of JAX."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.extending import overload

from odes_rl.act.compilation import compiled, is_ours
from odes_rl.act.path import SUFFIX, add_path, array_with_path, weights_with_path
from odes_rl.act.registry import ACT_RULES
from odes_rl.act.rule import FAST_SUMS, ActRule
from odes_rl.errors import UserError


def find_rule(name: str) -> ActRule:
    """The act rule called `name`; workers receive only this name. With " + path" at its end it has a linear path.

    Raises:
        UserError: if there is none, or its kernel is not compiled by numba.
    """
    if name.endswith(SUFFIX):
        inner = name.removesuffix(SUFFIX)
        return _with_path(inner, find_rule(inner))
    rule = ACT_RULES.find(name)
    if not isinstance(rule.kernel, Dispatcher):
        kind = type(rule.kernel).__name__
        raise UserError(f"act rule {name!r}: its kernel is a {kind}, but must be compiled: decorate it with numba.njit")
    return rule


def act(rule: str, weights: Any, observation: np.ndarray, action: np.ndarray) -> None:
    """Call the kernel of the rule with that name; only from compiled code, with a name that it closes over."""
    raise NotImplementedError


@overload(act, prefer_literal=True, strict=False)  # strict would compare annotations too
def _choose_kernel(rule: Any, weights: Any, observation: Any, action: Any) -> Any:
    if not isinstance(rule, types.StringLiteral):  # asked again where the first answer did not compile
        return None
    kernel: Any = find_rule(rule.literal_value).kernel
    return lambda rule, weights, observation, action: kernel(weights, observation, action)


def compiled_with(rule: str) -> Callable[..., Any]:
    """`compiled`, for what calls `act` with the rule of that name.

    What is made of a user's rule is not kept for other processes: numba would not see that the rule was edited.
    """
    return compiled if is_ours(find_rule(rule.removesuffix(SUFFIX)).kernel) else numba.njit


@cache
def _with_path(name: str, rule: ActRule) -> ActRule:
    """The `rule` called `name`, with a linear path."""
    weights_of, count = rule.weights, len(rule.weights._fields)

    @compiled_with(name)(fastmath=FAST_SUMS)
    def kernel(weights: Any, observation: np.ndarray, action: np.ndarray) -> None:
        act(name, weights_of(*weights[:count]), observation, action)
        add_path(weights.path, weights.bias, observation, action)

    return ActRule(weights_with_path(rule.weights), array_with_path(rule), kernel)
