"""An act rule's kernel, chosen by its name when code that calls it is compiled. Free of JAX."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import overload

from odes_rl.act import find_rule
from odes_rl.act.compilation import compiled, is_ours


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
    return compiled if is_ours(find_rule(rule).kernel) else numba.njit
