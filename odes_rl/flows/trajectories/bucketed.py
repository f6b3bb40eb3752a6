"""Weights that are constant over each of several intervals of time, as in B-NANODE."""

import jax
import jax.numpy as jnp

from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds import Euclidean

_ROUNDING = 3e-7
"""More than float32 rounds a time in [0, 1] by, and less than times that are apart by 1/10⁶."""


def bucket_indices(times: jax.Array, buckets: int) -> jax.Array:
    """[L] int32 ⌊t · buckets⌋ of `times` [L]; time 1 is in the last bucket.

    A time that rounding has left before the bucket that it begins is in that bucket: of multiples of 1/r, indices are
    those of exact fractions, if r · buckets is at most 10⁶.
    """
    indices = jnp.floor((times + _ROUNDING) * buckets).astype(jnp.int32)
    return jnp.minimum(indices, buckets - 1)


def bucketed(hidden: int, buckets: int = 5) -> Trajectory:
    """Weights [L, h, h] with W_t = `W`[⌊t · buckets⌋], parameter [buckets, h, h], h = `hidden` (Davis et al. 2020).

    With as many buckets as there are steps this is the unconstrained residual network. Entries start as normal of
    variance 1/h: the spectral radius of each is near 1. `at` jumps at i/`buckets`.

    Raises:
        ValueError: if there is no bucket.
    """
    if buckets < 1:
        raise ValueError(f"buckets is {buckets}, allowed is buckets ≥ 1")
    manifolds = {"W": Euclidean()}

    def init(key: jax.Array) -> dict[str, jax.Array]:
        return {"W": manifolds["W"].random(key, (buckets, hidden, hidden))}

    def weights(params: dict[str, jax.Array], times: jax.Array) -> jax.Array:
        return params["W"][bucket_indices(times, buckets)]

    jumps = tuple(i / buckets for i in range(1, buckets))

    def at(params: dict[str, jax.Array], t: jax.Array) -> jax.Array:
        return params["W"][jnp.sum(t >= jnp.array(jumps, t.dtype))]

    return Trajectory(init, manifolds, weights, at, jumps)
