"""Act rules: from the weights of a policy and an observation to an action."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from odes_rl.act.compilation import compiled

FAST_SUMS = {"reassoc", "contract", "nsz"}
"""Sums may be reordered into lanes; NaN and infinity, which mark a failed candidate, keep their meaning."""


class ActRule(NamedTuple):
    """One rule in two forms that must agree, which a test over all rules checks.

    Attributes:
        weights: the NamedTuple type that holds the rule's float32 arrays.
        array: `array(weights, observations [..., n], probe) -> [..., m]`, written against the array namespace of its
            inputs: JAX on a device, NumPy as the reference. Leading axes are candidates. `probe` may be left out by
            who calls, and by a rule that has no depth to look into; it is called with the hidden state [..., h, 1]
            before the first step and after each, and its answer goes on in the state's place.
        kernel: `kernel(weights, observation [n], action [m])`, compiled for one candidate; writes `action`.
    """

    weights: type[Any]
    array: Callable[..., Any]
    kernel: Callable[[Any, np.ndarray, np.ndarray], None]


def unprobed(state: Any) -> Any:
    """The hidden state as it is."""
    return state


@compiled(fastmath=FAST_SUMS)
def multiply(matrix: np.ndarray, vector: np.ndarray, out: np.ndarray) -> None:
    """Write matrix [p, q] times vector [q] into out [p]."""
    for i in range(out.size):
        total = np.float32(0)
        for j in range(vector.size):
            total += matrix[i, j] * vector[j]
        out[i] = total
