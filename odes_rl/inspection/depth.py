"""Hidden states and gradients through the depth of a policy, at its start and after each step."""

from inspect import signature
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.act.rule import ActRule

Bounds = tuple[np.ndarray, np.ndarray]
"""The lower and the upper one [K + 1], at the start of depth and after each of K steps."""


def hidden_states(rule: ActRule, weights: Any, observations: np.ndarray) -> np.ndarray:
    """[K + 1, T, h] hidden states of one policy for observations [T, n], before the first of K steps and after each.

    Empty for a rule without hidden states, or one that takes no probe.
    """
    states: list[Any] = []

    def keep(state: Any) -> Any:
        states.append(state)
        return state

    if _takes_probe(rule):
        rule.array(weights, observations, keep)
    return np.stack(states)[..., 0] if states else np.empty((0, observations.shape[0], 0), np.float32)


def _takes_probe(rule: ActRule) -> bool:
    try:
        signature(rule.array).bind(None, None, None)
    except TypeError:
        return False
    return True


def gradient_norms(rule: ActRule, weights: Any, observations: np.ndarray) -> np.ndarray:
    """[K + 1, T, m] norms ‖∂a_j/∂x_k‖ of each action entry's gradient by each hidden state, for observations [T, n]."""
    count, _, hidden = hidden_states(rule, weights, observations[:1]).shape

    def shifted_action(shifts: jax.Array, observation: jax.Array) -> jax.Array:
        left = iter(shifts)
        return rule.array(weights, observation, lambda state: state + next(left)[:, None])

    jacobian = jax.jit(jax.vmap(jax.jacrev(shifted_action), (None, 0)))
    gradients = jacobian(jnp.zeros((count, hidden)), jnp.asarray(observations))  # [T, m, K + 1, h]
    return np.linalg.norm(np.asarray(gradients, np.float64), axis=-1).transpose(2, 0, 1)


_ROUNDING = 1e-4
"""How far outside a bound a ratio may be, for W is orthogonal in float32 only."""


def gradient_bounds(steps: int, euler: bool) -> Bounds:
    """[K + 1] bounds of ‖∂L/∂x_k‖ / ‖∂L/∂x_K‖ for K `steps` of length 1/K, orthogonal weights and |f'| ≤ 1.

    Choromanski et al. 2020, lemma 4.1: e^{±(1−t)}, which Euler's method makes (1 ± 1/K)^{K−k}.
    """
    left = steps - np.arange(steps + 1)
    if euler:
        return (1 - 1 / steps) ** left, (1 + 1 / steps) ** left
    return np.exp(-left / steps), np.exp(left / steps)


def inside(ratios: np.ndarray, bounds: Bounds) -> np.ndarray:
    """[B] whether gradients of which these are the `ratios` [K + 1, B] keep within `bounds` at every step."""
    low, high = (bound[:, None] for bound in bounds)
    return np.all((ratios >= low - _ROUNDING) & (ratios <= high + _ROUNDING), axis=0)
