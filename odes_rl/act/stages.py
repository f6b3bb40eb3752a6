"""Explicit Runge–Kutta steps whose stages lie at a step's start, middle and end, for array and compiled rules alike.

A method of S stages is a lower triangular matrix [S, S]: row j has the factors, step length included, with which the
slopes k_0, …, k_j enter the next stage's point, and its last row those of the step itself. What depends on time is
given at 2L + 1 times, half steps apart; stage j of step i is number 2i + (j + 1) // 2 of them, which is right for the
Euler, midpoint and classical fourth-order methods.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from odes_rl.act.compilation import compiled
from odes_rl.act.rule import FAST_SUMS, unprobed


def integrate(
    method: Any, times: int, x: Any, field: Callable[[int, Any], Any], probe: Callable[[Any], Any] = unprobed
) -> Any:
    """[..., h, 1] state after all steps from `x`; `field(k, x)` is its slope at number k of so many `times`.

    `probe` is as an act rule's.
    """
    x = probe(x)
    for i in range(times // 2):
        slopes, point = [], x
        for j in range(method.shape[-1]):
            slopes.append(field(2 * i + (j + 1) // 2, point))
            point = x
            for m, slope in enumerate(slopes):
                point = point + method[..., j, m, None, None] * slope
        x = probe(point)
    return x


@compiled(fastmath=FAST_SUMS)
def write_point(method: np.ndarray, j: int, slopes: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """Write into out [h] the point after stage `j` of a step from x [h]; j + 1 of the slopes [S, h] are known."""
    out[:] = x
    for m in range(j + 1):
        factor = method[j, m]
        for i in range(x.size):
            out[i] += factor * slopes[m, i]
