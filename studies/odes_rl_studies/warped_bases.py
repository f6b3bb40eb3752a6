"""A flow whose condition is the point it starts from: ż = f(z_S, z), z_S drawn from one of several bases.

The condition moves with the start, so the volume changes by more than the trace of ∂f/∂z: the derivative
S = ∂z(t)/∂z_S follows the sensitivity equation Ṡ = (∂f/∂z) S + ∂f/∂z_S, S = I at the start.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.continuous import Solving, solve, with_log_density
from odes_rl_studies.targets import LogDensity

ControlledField = Callable[[jax.Array, jax.Array, jax.Array, Any], jax.Array]
"""`field(t, z [B, 2], c [B, n], params) -> ż [B, 2]`."""
CENTRES, DEVIATION = jnp.array([[-2.0, 0.0], [2.0, 0.0]]), 0.6
"""The bases: two normal densities in the plane."""
_ENDS = jnp.array([0.0, 1.0])


def draw_base(key: jax.Array, base: int, count: int) -> jax.Array:
    """z_S [count, 2]."""
    return CENTRES[base] + DEVIATION * jax.random.normal(key, (count, 2))


def base_log_density(base: int, z: jax.Array) -> jax.Array:
    """[B] of z [B, 2]."""
    return -0.5 * jnp.sum(((z - CENTRES[base]) / DEVIATION) ** 2, -1) - jnp.log(2 * jnp.pi * DEVIATION**2)


def with_derivative(field: ControlledField) -> Callable[[jax.Array, Any, jax.Array, Any], Any]:
    """The field of (z [B, 2], S [B, 2, 2]), S = ∂z/∂z_S, where the condition is z_S."""

    def joint(t: jax.Array, state: tuple[jax.Array, jax.Array], start: jax.Array, params: Any) -> Any:
        z, derivative = state
        directions = jnp.broadcast_to(jnp.eye(2)[:, None], (2, *z.shape))  # of z_S, one a column of S
        columns = jnp.moveaxis(derivative, -1, 0)
        moving = jax.vmap(lambda dz, dc: jax.jvp(lambda z, c: field(t, z, c, params), (z, start), (dz, dc)))
        velocities, changes = moving(columns, directions)
        return velocities[0], jnp.moveaxis(changes, 0, -1)

    return joint


def warp(solving: Solving, field: ControlledField, params: Any, start: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Ends x = z(1) [B, 2] from z_S = `start` [B, 2], and ∂x/∂z_S [B, 2, 2] with all that the condition adds to it."""
    identity = jnp.broadcast_to(jnp.eye(2), (*start.shape, 2))
    joint = with_derivative(field)
    states = solve(solving, lambda t, s, p: joint(t, s, start, p), params, (start, identity), _ENDS).states
    return states[0][-1], states[1][-1]


def warp_by_trace(
    solving: Solving, field: ControlledField, params: Any, start: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Ends x [B, 2], and the log volume [B] that ∫ tr(∂f/∂z) dt gives, as if the condition stood still."""
    joint = with_log_density(lambda t, z, p: field(t, z, start, p))
    states = solve(solving, joint, params, (start, jnp.zeros(len(start))), _ENDS).states
    return states[0][-1], -states[1][-1]


def log_volume(derivative: jax.Array) -> jax.Array:
    """[B] log |det S| of S [B, 2, 2]."""
    return jnp.log(jnp.abs(determinant(derivative)) + 1e-12)


def determinant(derivative: jax.Array) -> jax.Array:
    """[B] of S [B, 2, 2]."""
    return derivative[:, 0, 0] * derivative[:, 1, 1] - derivative[:, 0, 1] * derivative[:, 1, 0]


def counted_divergence(x: np.ndarray, target: LogDensity, reach: float = 6.0, cell: float = 0.2) -> float:
    """KL(q‖p) in nats by how many of x [n, 2] are in each square of side `cell`, whatever map they come from.

    Squares make it smaller by what they do not resolve, and chance larger by (squares with points)/(2 n); points beyond
    `reach` are counted in the squares at the border.
    """
    sides = np.linspace(-reach, reach, round(2 * reach / cell) + 1)
    inside = np.clip(x, -reach + 1e-6, reach - 1e-6)
    shares = np.histogram2d(*inside.T, bins=(sides, sides))[0] / len(x)
    fine = 4  # points of the target along a side of a square
    line = np.linspace(-reach, reach, fine * (len(sides) - 1) + 1)
    middles = (line[:-1] + line[1:]) / 2
    places = np.stack(np.meshgrid(middles, middles, indexing="ij"), -1).reshape(-1, 2)
    log_p = np.asarray(target(jnp.asarray(places, jnp.float32)), np.float64).reshape(len(shares), fine, -1, fine)
    mass = np.exp(log_p).mean(axis=(1, 3)) * cell**2
    filled = shares > 0
    return float(np.sum(shares[filled] * np.log(shares[filled] / np.maximum(mass[filled], 1e-300))))
