"""The functions in which rewards are written, for NumPy. Free of JAX.

Rewards are computed for all steps of an episode at once, and round as the environments' own do step by step. NumPy
squares an array by a product, a single number by the power function, which rounds otherwise now and then.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

_AT_MARGIN = 0.1
"""Default value of `tolerance` at the margin."""


class Words(NamedTuple):
    """What rewards are written in, so that they are written once for NumPy and for JAX.

    Attributes:
        array: the module of arrays: `numpy`, or one like it.
        square: [T] squares of numbers [T], each rounded as a single number's.
        norm: [T] Euclidean norms of vectors [T, k].
        each: `each(function, rows [T, …])`: the results of `function` for each row, stacked.
        tolerance: `tolerance(x, bounds, margin, sigmoid, value_at_margin)` of DM Control, entry by entry.
        tolerance_of_each: the same of numbers [T], each rounded as a single number's.
    """

    array: Any
    square: Callable[[Any], Any]
    norm: Callable[[Any], Any]
    each: Callable[[Callable[[Any], Any], Any], Any]
    tolerance: Callable[..., Any]
    tolerance_of_each: Callable[..., Any]


def _square(x: np.ndarray) -> np.ndarray:
    return np.array([number**2 for number in x.tolist()])


def _norm(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.vecdot(vectors, vectors))


def _each(function: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
    return np.array([function(row) for row in rows])


def _tolerance(x: np.ndarray, *arguments: Any, **options: Any) -> np.ndarray:
    from dm_control.utils import rewards

    tolerance: Any = rewards.tolerance
    return tolerance(x, *arguments, **options)


def _tolerance_of_each(
    x: np.ndarray,
    bounds: tuple[float, float] = (0.0, 0.0),
    margin: float = 0.0,
    sigmoid: str = "gaussian",
    value_at_margin: float = _AT_MARGIN,
) -> np.ndarray:
    if margin == 0 or sigmoid == "linear":  # which take no squares
        return _tolerance(x, bounds, margin, sigmoid, value_at_margin)
    lower, upper = bounds
    distance = np.where(x < lower, lower - x, x - upper) / margin
    outside = _SIGMOIDS[sigmoid](distance, value_at_margin)
    return np.where((lower <= x) & (x <= upper), 1.0, outside)


def _gaussian(distance: np.ndarray, at_margin: float) -> np.ndarray:
    return np.exp(-0.5 * _square(distance * np.sqrt(-2 * np.log(at_margin))))


def _long_tail(distance: np.ndarray, at_margin: float) -> np.ndarray:
    return 1 / (_square(distance * np.sqrt(1 / at_margin - 1)) + 1)


_SIGMOIDS = {"gaussian": _gaussian, "long_tail": _long_tail}

NUMPY = Words(np, _square, _norm, _each, _tolerance, _tolerance_of_each)
"""To the last bit what the environments compute."""
