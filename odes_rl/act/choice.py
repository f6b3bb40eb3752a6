"""An act rule's kernel, chosen by its name when code that calls it is compiled. Free of JAX."""

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from odes_rl.act import ACT_RULES


def act(rule: str, weights: Any, observation: np.ndarray, action: np.ndarray) -> None:
    """Call the kernel of the rule with that name; only from compiled code, with a name that it closes over."""
    raise NotImplementedError


@overload(act, prefer_literal=True, strict=False)  # strict would compare annotations too
def _choose_kernel(rule: Any, weights: Any, observation: Any, action: Any) -> Any:
    if not isinstance(rule, types.StringLiteral):  # asked again where the first answer did not compile
        return None
    kernel = ACT_RULES[rule.literal_value].kernel
    return lambda rule, weights, observation, action: kernel(weights, observation, action)
