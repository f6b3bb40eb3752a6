"""The flow ẋ = Σ_n g_n(t) f_n(x) between two projections, each f_n a network, by an explicit Runge–Kutta method.

One f and g = 1 is an autonomous neural ODE (Chen et al. 2018); several are the gated kernels of Davis et al. 2020,
equation 12. The networks are stored once, only the gates at each time.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from odes_rl.act.activations import ACTIVATIONS, activate, activate_scalar
from odes_rl.act.compilation import compiled
from odes_rl.act.rule import FAST_SUMS, ActRule, multiply, unprobed
from odes_rl.act.stages import integrate, write_point


class FieldFlowWeights(NamedTuple):
    """Weights of the rule, for N networks of M layers, all h wide, whose last layer is linear.

    Attributes:
        input: [h, n].
        gates: [2L + 1, N], half steps apart.
        networks: [N, M, h, h].
        biases: [N, M, h].
        method: [S, S], as `stages` says.
        output: [m, h].
    """

    input: Any
    gates: Any
    networks: Any
    biases: Any
    method: Any
    output: Any


def field_flow(activation: str) -> ActRule:
    """The rule with the nonlinearity of that name."""
    return ActRule(FieldFlowWeights, _array_form(activation), _kernel_form(activation))


def _array_form(activation: str) -> Callable[..., Any]:
    def network(weights: FieldFlowWeights, n: int, x: Any) -> Any:
        layers = weights.networks.shape[-3]
        for layer in range(layers):
            x = weights.networks[..., n, layer, :, :] @ x + weights.biases[..., n, layer, :, None]
            x = activate(activation, x) if layer < layers - 1 else x
        return x

    def act(weights: FieldFlowWeights, observations: Any, probe: Callable[[Any], Any] = unprobed) -> Any:
        def field(k: int, x: Any) -> Any:
            gates = weights.gates[..., k, :]
            total = gates[..., 0, None, None] * network(weights, 0, x)
            for n in range(1, gates.shape[-1]):
                total = total + gates[..., n, None, None] * network(weights, n, x)
            return total

        x = weights.input @ observations[..., None]
        x = integrate(weights.method, weights.gates.shape[-2], x, field, probe)
        return (weights.output @ x)[..., 0]

    return act


def _kernel_form(activation: str) -> Callable[[FieldFlowWeights, np.ndarray, np.ndarray], None]:
    code = ACTIVATIONS.index(activation)

    @compiled(fastmath=FAST_SUMS)
    def act(weights: FieldFlowWeights, observation: np.ndarray, action: np.ndarray) -> None:
        stages, hidden = weights.method.shape[0], weights.input.shape[0]
        count, last = weights.networks.shape[0], weights.networks.shape[1] - 1
        x, point = np.empty(hidden, np.float32), np.empty(hidden, np.float32)
        y, z = np.empty(hidden, np.float32), np.empty(hidden, np.float32)
        slopes = np.empty((stages, hidden), np.float32)
        multiply(weights.input, observation, x)
        for i in range(weights.gates.shape[0] // 2):
            point[:] = x
            for j in range(stages):
                slope = slopes[j]
                slope[:] = 0
                for n in range(count):
                    y[:] = point
                    for layer in range(last):
                        multiply(weights.networks[n, layer], y, z)
                        for p in range(hidden):
                            y[p] = activate_scalar(code, z[p] + weights.biases[n, layer, p])
                    multiply(weights.networks[n, last], y, z)
                    gate = weights.gates[2 * i + (j + 1) // 2, n]
                    for p in range(hidden):
                        slope[p] += gate * (z[p] + weights.biases[n, last, p])
                write_point(weights.method, j, slopes, x, point)
            x[:] = point
        multiply(weights.output, x, action)

    return act
