"""What happens through the depth of one flow x_i = x_{i−1} + η f(W_i x_{i−1} + b): states, gradients, sensitivities.

In float64: the gradients of a deep network leave the range of float32.
"""

from typing import NamedTuple

import numpy as np

from odes_rl.act.activations import activate


class EulerFlow(NamedTuple):
    """A flow as it runs: the name of f, the step η, weights W [L, h, h] and the bias b [h] of all steps."""

    activation: str
    step: float
    weights: np.ndarray
    bias: np.ndarray


def flow_states(flow: EulerFlow, start: np.ndarray) -> np.ndarray:
    """[L + 1, B, h] states from x_0 = `start` [B, h] to x_L."""
    states = [np.asarray(start, np.float64)]
    for W in flow.weights.astype(np.float64):
        states.append(states[-1] + flow.step * activate(flow.activation, states[-1] @ W.T + flow.bias))
    return np.stack(states)


def state_gradients(flow: EulerFlow, states: np.ndarray, end: np.ndarray) -> np.ndarray:
    """[L + 1, B, h] gradients ∂L/∂x_i along `states` [L + 1, B, h], from ∂L/∂x_L = `end` [B, h]."""
    gradients = [np.asarray(end, np.float64)]
    for W, x in zip(flow.weights[::-1].astype(np.float64), states[-2::-1], strict=True):
        slopes = _slopes(flow.activation, x @ W.T + flow.bias)
        gradients.append(gradients[-1] + flow.step * (slopes * gradients[-1]) @ W)
    return np.stack(gradients[::-1])


def transition_matrices(flow: EulerFlow, start: np.ndarray) -> np.ndarray:
    """[L + 1, h, h] state-transition matrices M_i = ∂x_i/∂x_0 for x_0 = `start` [h].

    Euler's method for Ṁ = A M, M(0) = I, with A = diag(f'(W x + b)) W (Davis et al. 2020).
    """
    states = flow_states(flow, start[None])[:-1, 0]
    matrices = [np.eye(start.size)]
    for W, x in zip(flow.weights.astype(np.float64), states, strict=True):
        A = _slopes(flow.activation, W @ x + flow.bias)[:, None] * W
        matrices.append(matrices[-1] + flow.step * A @ matrices[-1])
    return np.stack(matrices)


def _slopes(activation: str, z: np.ndarray) -> np.ndarray:
    """f'(z), elementwise; 0 where |·| and relu have none."""
    if activation == "tanh":
        return 1 - np.tanh(z) ** 2
    return np.sign(z) if activation == "abs" else (z > 0).astype(z.dtype)
