"""The flow ẋ = f(W(t) x + b(t)) between two projections, by an explicit Runge–Kutta method.

`residual_flow` is its Euler method, with half as many matrices.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from odes_rl.act.activations import ACTIVATIONS, activate, activate_scalar
from odes_rl.act.compilation import compiled
from odes_rl.act.rule import FAST_SUMS, ActRule, multiply, unprobed
from odes_rl.act.stages import integrate, write_point


class RungeKuttaFlowWeights(NamedTuple):
    """Weights of the rule: input [h, n], layers [2L+1, h, h], biases [2L+1, h], method [S, S], output [m, h].

    Layers and biases are half steps apart; `stages` says what a method is.
    """

    input: Any
    layers: Any
    biases: Any
    method: Any
    output: Any


def runge_kutta_flow(activation: str) -> ActRule:
    """The rule with the nonlinearity of that name."""
    return ActRule(RungeKuttaFlowWeights, _array_form(activation), _kernel_form(activation))


def _array_form(activation: str) -> Callable[..., Any]:
    def act(weights: RungeKuttaFlowWeights, observations: Any, probe: Callable[[Any], Any] = unprobed) -> Any:
        def field(k: int, x: Any) -> Any:
            return activate(activation, weights.layers[..., k, :, :] @ x + weights.biases[..., k, :, None])

        x = weights.input @ observations[..., None]
        x = integrate(weights.method, weights.layers.shape[-3], x, field, probe)
        return (weights.output @ x)[..., 0]

    return act


def _kernel_form(activation: str) -> Callable[[RungeKuttaFlowWeights, np.ndarray, np.ndarray], None]:
    code = ACTIVATIONS.index(activation)

    @compiled(fastmath=FAST_SUMS)
    def act(weights: RungeKuttaFlowWeights, observation: np.ndarray, action: np.ndarray) -> None:
        stages, hidden = weights.method.shape[0], weights.input.shape[0]
        x, point = np.empty(hidden, np.float32), np.empty(hidden, np.float32)
        slopes = np.empty((stages, hidden), np.float32)
        multiply(weights.input, observation, x)
        for i in range(weights.layers.shape[0] // 2):
            point[:] = x
            for j in range(stages):
                k, slope = 2 * i + (j + 1) // 2, slopes[j]
                multiply(weights.layers[k], point, slope)
                for p in range(hidden):
                    slope[p] = activate_scalar(code, slope[p] + weights.biases[k, p])
                write_point(weights.method, j, slopes, x, point)
            x[:] = point
        multiply(weights.output, x, action)

    return act
