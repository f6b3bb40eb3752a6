"""States, gradients and sensitivities in the hidden layers of a supervised model.

In float64: the gradients of a deep network leave the range of float32.
"""

from typing import NamedTuple

import jax
import numpy as np

from odes_rl.act.activations import activate
from odes_rl.errors import UserError
from odes_rl.supervised.models.model import HiddenLayers

_LEAST = np.sqrt(np.finfo(np.float64).tiny)
"""Norm of a gradient below which it is not followed: its square leaves float64."""


class Depth(NamedTuple):
    """States, gradients and sensitivities in the L layers that follow the first, for B examples.

    Attributes:
        states: [L + 1, B, h].
        ratios: [L + 1, B'] ‖∂L/∂x_i‖ / ‖∂L/∂x_L‖ of each example's cross-entropy L, where it is not 0 to rounding.
        sensitivities: [L + 1, h] singular values of ∂x_i/∂x_0 of the first example, in decreasing order; NaN if too
            small beside the largest for float64 to tell.
    """

    states: np.ndarray
    ratios: np.ndarray
    sensitivities: np.ndarray


def look_through(layers: HiddenLayers, inputs: np.ndarray, labels: np.ndarray) -> Depth:
    """States, gradients and sensitivities in `layers` for the examples `inputs` [B, n] and `labels` [B].

    Raises:
        UserError: if states or gradients are not finite, or no example has a gradient.
    """
    layers = in_float64(layers)
    with np.errstate(over="ignore", invalid="ignore"):
        states = hidden_states(layers, inputs)
        norms = np.linalg.norm(loss_gradients(layers, states, labels), axis=-1)
        transitions = transition_matrices(layers, states[:, 0])
    if not all(np.isfinite(values).all() for values in (states, norms, transitions)):
        raise UserError("hidden states or gradients are not finite: training diverged, or the model is too deep")
    told = norms[-1] > _LEAST
    if not told.any():
        raise UserError("no example has a gradient: the loss of each is 0 up to rounding, or depends on no state")
    singular = np.linalg.svd(transitions, compute_uv=False)
    resolved = singular > singular[:, :1] * singular.shape[1] * np.finfo(np.float64).eps
    return Depth(states, norms[:, told] / norms[-1, told], np.where(resolved, singular, np.nan))


def in_float64(layers: HiddenLayers) -> HiddenLayers:
    """`layers` with NumPy's arrays in float64."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64) if isinstance(leaf, jax.Array) else leaf, layers)


def hidden_states(layers: HiddenLayers, inputs: np.ndarray) -> np.ndarray:
    """[L + 1, B, h] states from x_0 to x_L for `inputs` [B, n]."""
    start = inputs @ layers.input["weight"].T + layers.input["bias"]
    states = [activate(layers.activation, start) if layers.step is None else start]
    for W, b in zip(layers.weights, layers.biases, strict=True):
        states.append(_after(layers, states[-1], activate(layers.activation, states[-1] @ W.T + b)))
    return np.stack(states)


def loss_gradients(layers: HiddenLayers, states: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """[L + 1, B, h] gradients ∂L/∂x_i of one example's cross-entropy L, for `states` [L + 1, B, h] and `labels` [B]."""
    C, c = layers.output["weight"], layers.output["bias"]
    gradients = [_errors(states[-1] @ C.T + c, labels) @ C]
    for W, b, x in zip(layers.weights[::-1], layers.biases[::-1], states[-2::-1], strict=True):
        slopes = _slopes(layers.activation, x @ W.T + b)
        gradients.append(_after(layers, gradients[-1], (slopes * gradients[-1]) @ W))
    return np.stack(gradients[::-1])


def transition_matrices(layers: HiddenLayers, states: np.ndarray) -> np.ndarray:
    """[L + 1, h, h] state-transition matrices M_i = ∂x_i/∂x_0 of one example with `states` [L + 1, h].

    For a flow Euler's method for Ṁ = A M, M(0) = I, with A = diag(f'(W x + b)) W (Davis et al. 2020).
    """
    matrices = [np.eye(states.shape[1])]
    for W, b, x in zip(layers.weights, layers.biases, states[:-1], strict=True):
        A = _slopes(layers.activation, W @ x + b)[:, None] * W
        matrices.append(_after(layers, matrices[-1], A @ matrices[-1]))
    return np.stack(matrices)


def _after(layers: HiddenLayers, before: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The output of a layer with input `before`: a step along `change`, or in a plain network `change` itself."""
    return change if layers.step is None else before + layers.step * change


def _errors(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """[B, k] gradients of the cross-entropy by `logits` [B, k]; small ones exactly, where p − 1 would be rounding."""
    likelihood = np.exp(logits - logits.max(axis=1, keepdims=True))
    errors = likelihood / likelihood.sum(axis=1, keepdims=True)
    chosen = np.arange(len(labels)), labels
    errors[chosen] = 0
    errors[chosen] = -errors.sum(axis=1)
    return errors


def _slopes(activation: str, z: np.ndarray) -> np.ndarray:
    """f'(z), elementwise; 0 where |·| and relu have none."""
    if activation == "tanh":
        return 1 - np.tanh(z) ** 2
    return np.sign(z) if activation == "abs" else (z > 0).astype(z.dtype)
