"""Weights that are constant over each of several intervals of time, as in B-NANODE."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import core

from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds import Euclidean

_USUAL = 100
"""Resolution where times do not tell one."""
_OFF = 1e-3
"""Of a tick: more than float32 rounds a multiple of 1/1000 by, and less than other times are off."""


def bucket_indices(times: jax.Array, buckets: int, resolution: int) -> jax.Array:
    """[L] int32 ⌊t · buckets⌋ of `times` [L] that are multiples of 1/`resolution`; time 1 is in the last bucket.

    In integers: in float32 several multiples of 1/25 fall short of the bucket that begins there.
    """
    ticks = jnp.round(times * resolution).astype(jnp.int32)
    return jnp.minimum(ticks * buckets // resolution, buckets - 1)


def bucketed(hidden: int, buckets: int = 5, resolution: int | None = None) -> Trajectory:
    """Weights [L, h, h] with W_t = `W`[⌊t · buckets⌋], parameter [buckets, h, h], h = `hidden` (Davis et al. 2020).

    Times are multiples of 1/`resolution`; None finds it from times that are known, as those of L equal steps, and is
    100 for others. Those of `at`, which jumps at i/`buckets`, may be any. With as many buckets as there are steps this
    is the unconstrained residual network. Entries start as normal of variance 1/h: the spectral radius of each is near
    1.

    Raises:
        ValueError: if there is no bucket, or more of them than `resolution`; from `weights`, if its times are known and
            no such multiples.
    """
    if buckets < 1:
        raise ValueError(f"buckets is {buckets}, allowed is buckets ≥ 1")
    if resolution is not None and buckets > resolution:
        raise ValueError(f"buckets is {buckets}, allowed are 1 to {resolution}, the resolution of time")
    manifolds = {"W": Euclidean()}

    def init(key: jax.Array) -> dict[str, jax.Array]:
        return {"W": manifolds["W"].random(key, (buckets, hidden, hidden))}

    def weights(params: dict[str, jax.Array], times: jax.Array) -> jax.Array:
        return params["W"][bucket_indices(times, buckets, _resolution(times, resolution))]

    jumps = tuple(i / buckets for i in range(1, buckets))

    def at(params: dict[str, jax.Array], t: jax.Array) -> jax.Array:
        return params["W"][jnp.sum(t >= jnp.array(jumps, t.dtype))]

    return Trajectory(init, manifolds, weights, at, jumps)


def _resolution(times: jax.Array, given: int | None) -> int:
    """`given`, or else a number r with which all `times` [L] are multiples of 1/r, as far as they are known."""
    if isinstance(times, core.Tracer):
        return given or _USUAL
    known = np.asarray(times, np.float64)
    gaps = np.abs(np.diff(known))
    resolution = given or (round(1 / gaps[gaps > 0].min()) if gaps.any() else _USUAL)
    if np.abs(known * resolution - np.round(known * resolution)).max(initial=0.0) > _OFF:
        raise ValueError(f"times are not multiples of 1/{resolution}: give resolution, such as the number of steps")
    return resolution
