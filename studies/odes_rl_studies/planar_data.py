"""Data in the plane, with the density that it is drawn from: what flows learn from samples alone."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl_studies.targets import LogDensity

Data = Literal["moons", "rings", "checkerboard"]

_MOON_RADIUS, _MOON_NOISE = 2.0, 0.2
_MOON_CENTRES = jnp.array([[-1.0, -0.5], [1.0, 0.5]])
_ANGLES = 400
"""Points of the midpoint rule along a half circle, 0.08 noise deviations apart."""
_RADII, _RING_NOISE = jnp.array([1.0, 2.2, 3.4]), 0.15
_SIDE, _REACH = 2.0, 4.0
"""Of a square of the checkerboard, and half of the side of the board."""


class Samples(NamedTuple):
    """A distribution in the plane.

    Attributes:
        draw: `draw(key, n) -> x [n, 2]`.
        log_density: log p(x) [B] at x [B, 2]; −∞ where there are no points.
    """

    draw: Callable[[jax.Array, int], jax.Array]
    log_density: LogDensity


def _arcs(angle: jax.Array) -> jax.Array:
    """[2, …, 2] the points of both half circles at `angle` […] ∈ [0, π]: the upper one, then the lower one."""
    upper = jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)
    centres = _MOON_CENTRES.reshape(2, *[1] * angle.ndim, 2)
    return centres + _MOON_RADIUS * jnp.stack([upper, -upper])


def _draw_moons(key: jax.Array, count: int) -> jax.Array:
    which_key, angle_key, noise_key = jax.random.split(key, 3)
    arcs = _arcs(jax.random.uniform(angle_key, (count,), maxval=jnp.pi))
    middle = arcs[jax.random.randint(which_key, (count,), 0, 2), jnp.arange(count)]
    return middle + _MOON_NOISE * jax.random.normal(noise_key, (count, 2))


def _moons_log_density(x: jax.Array) -> jax.Array:
    middles = _arcs((jnp.arange(_ANGLES) + 0.5) * jnp.pi / _ANGLES).reshape(-1, 2)
    squares = jnp.sum(x**2, -1)[:, None] - 2 * x @ middles.T + jnp.sum(middles**2, -1)
    constant = jnp.log(2 * jnp.pi * _MOON_NOISE**2 * len(middles))
    return jax.nn.logsumexp(-0.5 * squares / _MOON_NOISE**2, axis=1) - constant


def _draw_rings(key: jax.Array, count: int) -> jax.Array:
    which_key, angle_key, noise_key = jax.random.split(key, 3)
    radius = jax.random.choice(which_key, _RADII, (count,)) + _RING_NOISE * jax.random.normal(noise_key, (count,))
    angle = jax.random.uniform(angle_key, (count,), maxval=2 * jnp.pi)
    return radius[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)


def _rings_log_density(x: jax.Array) -> jax.Array:
    radius = jnp.sqrt(jnp.sum(x**2, -1) + 1e-12)
    both = jnp.concatenate([radius[:, None] - _RADII, radius[:, None] + _RADII], axis=1)  # a radius may be negative
    parts = jax.nn.logsumexp(-0.5 * (both / _RING_NOISE) ** 2, axis=1)
    return parts - jnp.log(len(_RADII) * _RING_NOISE * (2 * jnp.pi) ** 1.5) - jnp.log(radius)


def _draw_checkerboard(key: jax.Array, count: int) -> jax.Array:
    row_key, column_key, place_key = jax.random.split(key, 3)
    rows = int(2 * _REACH / _SIDE)
    row = jax.random.randint(row_key, (count,), 0, rows)
    column = 2 * jax.random.randint(column_key, (count,), 0, rows // 2) + row % 2
    corner = _SIDE * jnp.stack([column, row], -1) - _REACH
    return corner + _SIDE * jax.random.uniform(place_key, (count, 2))


def _checkerboard_log_density(x: jax.Array) -> jax.Array:
    filled = (jnp.sum(jnp.floor(x / _SIDE), -1) % 2 == 0) & ((x >= -_REACH) & (x < _REACH)).all(-1)
    return jnp.where(filled, -jnp.log(2 * _REACH**2), -jnp.inf)


DATA: dict[Data, Samples] = {
    "moons": Samples(_draw_moons, _moons_log_density),
    "rings": Samples(_draw_rings, _rings_log_density),
    "checkerboard": Samples(_draw_checkerboard, _checkerboard_log_density),
}
"""Two half circles with normal noise; three circles with radial noise; half of the squares of a board."""
