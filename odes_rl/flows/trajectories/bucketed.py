"""Weights that are constant over each of several intervals of time, as in B-NANODE."""

import jax
import jax.numpy as jnp

from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds import Euclidean


def bucket_indices(times: jax.Array, buckets: int, resolution: int) -> jax.Array:
    """[L] int32 ⌊t · buckets⌋ of `times` [L] that are multiples of 1/`resolution`; time 1 is in the last bucket.

    In integers: in float32 several multiples of 1/25 fall short of the bucket that begins there.
    """
    ticks = jnp.round(times * resolution).astype(jnp.int32)
    return jnp.minimum(ticks * buckets // resolution, buckets - 1)


def bucketed(hidden: int, buckets: int = 5, resolution: int = 100) -> Trajectory:
    """Weights [L, h, h] with W_t = `W`[⌊t · buckets⌋], parameter [buckets, h, h], h = `hidden` (Davis et al. 2020).

    Times are rounded to multiples of 1/`resolution`, but for `at`, which jumps at i/`buckets` itself. With as many
    buckets as there are steps this is the unconstrained residual network. Entries start as normal of variance 1/h: the
    spectral radius of each is near 1.

    Raises:
        ValueError: if there is no bucket, or more of them than times to tell apart.
    """
    if not 1 <= buckets <= resolution:
        raise ValueError(f"buckets is {buckets}, allowed are 1 to {resolution}, the resolution of time")
    manifolds = {"W": Euclidean()}

    def init(key: jax.Array) -> dict[str, jax.Array]:
        return {"W": manifolds["W"].random(key, (buckets, hidden, hidden))}

    def weights(params: dict[str, jax.Array], times: jax.Array) -> jax.Array:
        return params["W"][bucket_indices(times, buckets, resolution)]

    jumps = tuple(i / buckets for i in range(1, buckets))

    def at(params: dict[str, jax.Array], t: jax.Array) -> jax.Array:
        return params["W"][jnp.sum(t >= jnp.array(jumps, t.dtype))]

    return Trajectory(init, manifolds, weights, at, jumps)
