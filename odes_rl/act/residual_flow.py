"""The residual rule: an Euler flow x ← x + η f(W_i x + b_i) between two projections.

The weights may come from any trajectory (equations 5-6 of Choromanski et al. 2020); η = 1 is a residual
network.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from odes_rl.act.activations import ACTIVATIONS, activate, activate_scalar
from odes_rl.act.compilation import compiled
from odes_rl.act.rule import FAST_SUMS, ActRule, multiply, unprobed


class ResidualFlowWeights(NamedTuple):
    """Weights of the rule: input [h, n], layers [L, h, h], biases [L, h], step η [1], output [m, h]."""

    input: Any
    layers: Any
    biases: Any
    step: Any
    output: Any


def residual_flow(activation: str) -> ActRule:
    """The residual rule with the nonlinearity of that name."""
    return ActRule(ResidualFlowWeights, _array_form(activation), _kernel_form(activation))


def _array_form(activation: str) -> Callable[..., Any]:
    def act(weights: ResidualFlowWeights, observations: Any, probe: Callable[[Any], Any] = unprobed) -> Any:
        x = probe(weights.input @ observations[..., None])
        step = weights.step[..., None]
        for i in range(weights.layers.shape[-3]):
            z = weights.layers[..., i, :, :] @ x + weights.biases[..., i, :, None]
            x = probe(x + step * activate(activation, z))
        return (weights.output @ x)[..., 0]

    return act


def _kernel_form(activation: str) -> Callable[[ResidualFlowWeights, np.ndarray, np.ndarray], None]:
    code = ACTIVATIONS.index(activation)

    @compiled(fastmath=FAST_SUMS)
    def act(weights: ResidualFlowWeights, observation: np.ndarray, action: np.ndarray) -> None:
        x = np.empty(weights.input.shape[0], np.float32)
        z = np.empty_like(x)
        step = weights.step[0]
        multiply(weights.input, observation, x)
        for i in range(weights.layers.shape[0]):
            multiply(weights.layers[i], x, z)
            for j in range(x.size):
                x[j] += step * activate_scalar(code, z[j] + weights.biases[i, j])
        multiply(weights.output, x, action)

    return act
