"""Orthogonal weights as products of Householder reflections along a trajectory of vectors."""

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.flows.trajectories.trigonometric import trigonometric


def reflections(vectors: jax.Array, rows: int | None = None) -> jax.Array:
    """[..., h, h] H(u_1) ⋯ H(u_k) for the rows u_i of `vectors` [..., k, h], H(u) = I − 2uuᵀ/‖u‖².

    With `rows`, [..., rows, h]: only so many of its first rows, which are orthonormal.

    Its determinant is (−1)^k: not all of O(h), as Davis et al. 2020, lemma 1, has it for even h. A zero vector reflects
    nothing.
    """
    lengths = jnp.sum(vectors**2, axis=-1, keepdims=True)
    normals = vectors * lax.rsqrt(jnp.where(lengths > 0, lengths, 1.0))

    def reflect(W: jax.Array, u: jax.Array) -> tuple[jax.Array, None]:
        # Elementwise products and sums: exact float32 on every device, and faster than many small matrix products.
        along = jnp.sum(W * u[..., None, :], axis=-1, keepdims=True)
        return W - 2 * along * u[..., None, :], None

    h = vectors.shape[-1]
    identity = jnp.eye(h if rows is None else rows, h, dtype=vectors.dtype)
    start = jnp.broadcast_to(identity, (*vectors.shape[:-2], *identity.shape))
    return lax.scan(reflect, start, jnp.moveaxis(normals, -2, 0))[0]


def householder(hidden: int, vectors: Trajectory | None = None) -> Trajectory:
    """Weights [L, h, h] on O(h), h = `hidden`: products of h reflections in the rows of what `vectors` gives.

    Any trajectory of matrices [L, h, h] will do; the default is trigonometric (Davis et al. 2020, §2.5). Parameters,
    manifolds and start are those of `vectors`; all spectral radii are 1.
    """
    inner = trigonometric(hidden) if vectors is None else vectors
    at = inner.at
    return inner._replace(
        weights=lambda params, times: reflections(inner.weights(params, times)),
        at=None if at is None else lambda params, t: reflections(at(params, t)),
    )
