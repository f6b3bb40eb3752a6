"""The linear rule: a = M s (Mania, Guy & Recht 2018)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from odes_rl.act.compilation import compiled
from odes_rl.act.rule import ActRule, multiply, unprobed


class LinearWeights(NamedTuple):
    """Weights of the linear rule: matrix [m, n]."""

    matrix: Any


def _array(weights: LinearWeights, observations: Any, probe: Callable[[Any], Any] = unprobed) -> Any:
    return (weights.matrix @ observations[..., None])[..., 0]


@compiled
def _kernel(weights: LinearWeights, observation: np.ndarray, action: np.ndarray) -> None:
    multiply(weights.matrix, observation, action)


linear = ActRule(LinearWeights, _array, _kernel)
