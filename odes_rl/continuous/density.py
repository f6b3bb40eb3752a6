"""Densities along a flow: d log p(z(t))/dt = −tr(∂f/∂z) (Chen et al. 2018, "Neural ODEs", §4)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from odes_rl.continuous.solving import Solving, VectorField, solve

_FORWARD = (0.0, 1.0)
_BACKWARD = (1.0, 0.0)


def exact_trace(velocity: Callable[[jax.Array], jax.Array], z: jax.Array) -> tuple[jax.Array, jax.Array]:
    """ż = velocity(z [B, d]) and tr(∂ż/∂z) [B] of each point, by one derivative in each of the d directions.

    Each row of ż may depend on the same row of z alone.
    """
    directions = jnp.broadcast_to(jnp.eye(z.shape[-1], dtype=z.dtype)[:, None], (z.shape[-1], *z.shape))
    velocities, derivatives = jax.vmap(lambda v: jax.jvp(velocity, (z,), (v,)))(directions)
    return velocities[0], jnp.einsum("ibi->b", derivatives)


def hutchinson_trace(
    velocity: Callable[[jax.Array], jax.Array], z: jax.Array, probe: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """ż = velocity(z [B, d]) and probeᵀ (∂ż/∂z) probe [B], whose mean over Rademacher probes [B, d] is the trace."""
    value, derivative = jax.jvp(velocity, (z,), (probe,))
    return value, jnp.sum(probe * derivative, axis=-1)


def normal_log_density(z: jax.Array) -> jax.Array:
    """[B] log density of the standard normal at z [B, d]."""
    return -0.5 * jnp.sum(z**2, axis=-1) - 0.5 * z.shape[-1] * jnp.log(2 * jnp.pi)


def with_log_density(field: VectorField, probe: jax.Array | None = None) -> VectorField:
    """The field of (z [B, d], log p [B]): f, and −tr(∂f/∂z), exact or as `probe` [B, d] estimates it."""

    def joint(t: jax.Array, state: tuple[jax.Array, jax.Array], params: Any) -> tuple[jax.Array, jax.Array]:
        def velocity(z: jax.Array) -> jax.Array:
            return field(t, z, params)

        z = state[0]
        value, trace = exact_trace(velocity, z) if probe is None else hutchinson_trace(velocity, z, probe)
        return value, -trace

    return joint


def sample_and_log_density(
    solving: Solving, field: VectorField, params: Any, start: jax.Array, probe: jax.Array | None = None
) -> tuple[jax.Array, jax.Array]:
    """z(1) [B, d] and log p(z(1)) [B] of `start` [B, d], which is drawn from the standard normal.

    With a `probe` [B, d] of random signs, fixed over the solve, log p is Hutchinson's unbiased estimate (Grathwohl et
    al. 2019, "FFJORD").
    """
    state = (start, normal_log_density(start))
    return _last(solving, with_log_density(field, probe), params, state, _FORWARD)


def log_density(
    solving: Solving, field: VectorField, params: Any, x: jax.Array, probe: jax.Array | None = None
) -> jax.Array:
    """Log p(x) [B] of the flow of `field` from the standard normal, at x [B, d], solved backwards from t = 1 to 0.

    With a `probe` [B, d] of random signs, fixed over the solve, it is Hutchinson's unbiased estimate.
    """
    state = (x, jnp.zeros(x.shape[:-1], x.dtype))
    start, gained = _last(solving, with_log_density(field, probe), params, state, _BACKWARD)
    return normal_log_density(start) - gained


def _last(solving: Solving, field: VectorField, params: Any, state: Any, ends: tuple[float, float]) -> Any:
    return jax.tree.map(lambda leaf: leaf[-1], solve(solving, field, params, state, jnp.array(ends)).states)
