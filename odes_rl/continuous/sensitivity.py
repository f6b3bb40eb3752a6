"""The sensitivity equation, forwards in depth: how states depend on parameters and on where they start."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from odes_rl.continuous.solving import Solving, VectorField, solve
from odes_rl.manifolds.matrix_functions import matmul


class Sensitivities(NamedTuple):
    """Of one state [h] with k parameters, at T times.

    Attributes:
        states: [T, h].
        by_params: [T, h, k] S = ∂z/∂θ; parameters in the order of `jax.flatten_util.ravel_pytree`.
        transitions: [T, h, h] M = ∂z/∂z(t_0), the state-transition matrix Φ(t, t_0).
    """

    states: jax.Array
    by_params: jax.Array
    transitions: jax.Array


def sensitivities(
    solving: Solving, field: VectorField, params: Any, start: jax.Array, times: jax.Array
) -> Sensitivities:
    """ż = f, Ṡ = A S + B and Ṁ = A M, with A = ∂f/∂z and B = ∂f/∂θ, from z = `start` [h], S = 0 and M = I.

    Davis et al. 2020, equations 17 and 19. Solved together with the state in `times` [T], by the same method with the
    same steps: with equal steps S and M are the derivatives of what the method computes. Nothing is kept on the way,
    but each evaluation costs k + h products with A.
    """
    flat, restored = ravel_pytree(params)
    size = start.shape[0]

    def joint(t: jax.Array, state: tuple[jax.Array, jax.Array], flat: jax.Array) -> tuple[jax.Array, jax.Array]:
        z, both = state

        def velocity(z: jax.Array, flat: jax.Array) -> jax.Array:
            return field(t, z, restored(flat))

        A, B = jax.jacrev(velocity, (0, 1))(z, flat)
        return velocity(z, flat), matmul(A, both) + jnp.pad(B, ((0, 0), (0, size)))

    both = jnp.concatenate([jnp.zeros((size, flat.size), start.dtype), jnp.eye(size, dtype=start.dtype)], axis=1)
    states, both = solve(solving, joint, flat, (start, both), times).states
    return Sensitivities(states, both[..., : flat.size], both[..., flat.size :])
