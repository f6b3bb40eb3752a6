"""The plain rule: a network x ← f(W_i x + b_i) between an input layer and a linear output layer, each with biases."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from odes_rl.act.activations import ACTIVATIONS, activate, activate_scalar
from odes_rl.act.compilation import compiled
from odes_rl.act.rule import FAST_SUMS, ActRule, multiply, unprobed


class NetworkWeights(NamedTuple):
    """Weights of L hidden layers: input [h, n], layers [L−1, h, h], biases [L, h], output [m, h], offset [m]."""

    input: Any
    layers: Any
    biases: Any
    output: Any
    offset: Any


def network(activation: str) -> ActRule:
    """The plain rule with the nonlinearity of that name."""
    return ActRule(NetworkWeights, _array_form(activation), _kernel_form(activation))


def _array_form(activation: str) -> Callable[..., Any]:
    def act(weights: NetworkWeights, observations: Any, probe: Callable[[Any], Any] = unprobed) -> Any:
        x = weights.input @ observations[..., None]
        # tanh would hide an infinite observation, which has to fail the candidate.
        trace = 0 * x.__array_namespace__().sum(x, axis=-2)
        x = probe(activate(activation, x + weights.biases[..., 0, :, None]))
        for i in range(weights.layers.shape[-3]):
            z = weights.layers[..., i, :, :] @ x + weights.biases[..., i + 1, :, None]
            x = probe(activate(activation, z))
        return (weights.output @ x)[..., 0] + weights.offset + trace

    return act


def _kernel_form(activation: str) -> Callable[[NetworkWeights, np.ndarray, np.ndarray], None]:
    code = ACTIVATIONS.index(activation)

    @compiled(fastmath=FAST_SUMS)
    def act(weights: NetworkWeights, observation: np.ndarray, action: np.ndarray) -> None:
        x = np.empty(weights.input.shape[0], np.float32)
        z = np.empty_like(x)
        multiply(weights.input, observation, z)
        trace = np.float32(0) * z.sum()
        for i in range(weights.biases.shape[0]):
            if i:
                multiply(weights.layers[i - 1], x, z)
            for j in range(x.size):
                x[j] = activate_scalar(code, z[j] + weights.biases[i, j])
        multiply(weights.output, x, action)
        for j in range(action.size):
            action[j] += weights.offset[j] + trace

    return act
