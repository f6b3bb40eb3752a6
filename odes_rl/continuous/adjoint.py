"""The gradient of a loss along depth: the generalised adjoint, and the functional gradient (Massaroli et al. 2020)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.continuous.solving import Solving, VectorField, solve


class Loss(NamedTuple):
    """ℓ = L(z(S)) + ∫ l(t, z(t)) dt.

    Attributes:
        end: `end(z) -> scalar`, L.
        along: `along(t, z) -> scalar`, l.
    """

    end: Callable[[Any], jax.Array]
    along: Callable[[jax.Array, Any], jax.Array] = lambda t, z: jnp.zeros(())


def depth_loss(solving: Solving, field: VectorField, params: Any, start: Any, depth: float, loss: Loss) -> jax.Array:
    """Scalar ℓ of ż = field(t, z, params) from z(0) = `start` to S = `depth`.

    The integral is one more state; differentiating through any adjoint therefore solves the generalised one,
    ȧᵀ = −aᵀ∂f/∂z − ∂l/∂z with a(S) = ∂L/∂z(S).
    """

    def joint(t: jax.Array, state: Any, params: Any) -> Any:
        z, _ = state
        return field(t, z, params), loss.along(t, z)

    times = jnp.array([0.0, depth])
    z, along = jax.tree.map(lambda leaf: leaf[-1], solve(solving, joint, params, (start, jnp.zeros(())), times).states)
    return loss.end(z) + along


def functional_gradient(
    solving: Solving,
    field: VectorField,
    params_at: Callable[[jax.Array], Any],
    start: Any,
    times: jax.Array,
    loss: Loss,
) -> Any:
    """δℓ/δθ(s) = aᵀ∂f/∂θ(s) at s = `times` [T], for parameters θ(s) = `params_at(s)` that are free at each depth.

    `times` rise from 0 to the depth S. A pytree like θ, with a leading axis [T]. Moving θ by εφ(s) changes ℓ by
    ε ∫ δℓ/δθ(s) φ(s) ds + O(ε²).
    """

    def forward(t: jax.Array, z: Any, _: Any) -> Any:
        return field(t, z, params_at(t))

    def backward(t: jax.Array, state: Any, _: Any) -> Any:
        z, a = state
        velocity, pull = jax.vjp(lambda z: forward(t, z, None), z)
        along = jax.grad(lambda z: loss.along(t, z))(z)
        return velocity, jax.tree.map(lambda p, l: -(p + l), pull(a)[0], along)  # noqa: E741

    end = jax.tree.map(lambda leaf: leaf[-1], solve(solving, forward, None, start, times[jnp.array([0, -1])]).states)
    states = solve(solving, backward, None, (end, jax.grad(loss.end)(end)), times[::-1]).states
    z, a = jax.tree.map(lambda leaf: leaf[::-1], states)

    def gradient(t: jax.Array, z: Any, a: Any) -> Any:
        return jax.vjp(lambda theta: field(t, z, theta), params_at(t))[1](a)[0]

    return jax.vmap(gradient)(times, z, a)
