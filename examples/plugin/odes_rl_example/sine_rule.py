"""An act rule: layers of sines, x ← sin(W x), between two projections. It must not import JAX."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from odes_rl.act import ActRule, multiply, unprobed


class SineWeights(NamedTuple):
    """Weights of L layers of sines: input [h, n], layers [L, h, h], output [m, h]."""

    input: Any
    layers: Any
    output: Any


def _array(weights: SineWeights, observations: Any, probe: Any = unprobed) -> Any:
    x = probe(weights.input @ observations[..., None])
    for i in range(weights.layers.shape[-3]):
        z = weights.layers[..., i, :, :] @ x
        x = probe(z.__array_namespace__().sin(z))
    return (weights.output @ x)[..., 0]


@njit
def _kernel(weights: SineWeights, observation: np.ndarray, action: np.ndarray) -> None:
    x = np.empty(weights.input.shape[0], np.float32)
    z = np.empty_like(x)
    multiply(weights.input, observation, x)
    for i in range(weights.layers.shape[0]):
        multiply(weights.layers[i], x, z)
        for j in range(x.size):
            x[j] = np.sin(z[j])
    multiply(weights.output, x, action)


SINE_RULE = ActRule(SineWeights, _array, _kernel)
