"""Densities in the plane, which flows learn, and the grid on which densities are seen."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

Target = Literal["crescents", "mixture", "ring"]
LogDensity = Callable[[jax.Array], jax.Array]
"""log p(x) [B] at x [B, 2]."""

_CENTRES = jnp.array([[1.5, 1.5], [1.5, -1.5], [-1.5, 1.5], [-1.5, -1.5]])
_DEVIATION = 0.6


def _ring_energy(x: jax.Array) -> jax.Array:
    radius = jnp.sqrt(jnp.sum(x**2, axis=-1) + 1e-12)
    return 0.5 * ((radius - 2) / 0.4) ** 2


def _crescents_energy(x: jax.Array) -> jax.Array:
    sides = jnp.stack([-0.5 * ((x[:, 0] - 2) / 0.6) ** 2, -0.5 * ((x[:, 0] + 2) / 0.6) ** 2])
    return _ring_energy(x) - jax.nn.logsumexp(sides, axis=0)


def _mixture_energy(x: jax.Array) -> jax.Array:
    squares = jnp.sum((x[:, None] - _CENTRES) ** 2, axis=-1) / _DEVIATION**2
    constant = jnp.log(2 * jnp.pi * _DEVIATION**2 * len(_CENTRES))
    return constant - jax.nn.logsumexp(-0.5 * squares, axis=1)


ENERGIES: dict[Target, LogDensity] = {
    "crescents": _crescents_energy,
    "mixture": _mixture_energy,
    "ring": _ring_energy,
}
"""−log p up to a constant: the first potential of Rezende & Mohamed 2015, four Gaussians (normalised), a ring."""


def target_log_density(name: Target) -> LogDensity:
    """The log p of a target, normalised on the grid, so that a KL divergence to it is absolute."""
    energy = ENERGIES[name]
    points, area = grid(6.0, 401)
    log_normaliser = jax.nn.logsumexp(-energy(points)) + jnp.log(area)
    return lambda x: -energy(x) - log_normaliser


def grid(reach: float, points: int) -> tuple[jax.Array, float]:
    """Points [n², 2] of [−reach, reach]², n = `points` a side, rows of constant x_2, and the area of a cell."""
    line = np.linspace(-reach, reach, points)
    x, y = np.meshgrid(line, line)
    return jnp.asarray(np.stack([x.ravel(), y.ravel()], axis=-1), jnp.float32), float((line[1] - line[0]) ** 2)


def integral(log_density: LogDensity, reach: float = 8.0, points: int = 401) -> float:
    """∫ exp(log_density) over [−reach, reach]², by the trapezoid rule, for a density that vanishes on the border."""
    places, area = grid(reach, points)
    return float(np.exp(np.asarray(jax.jit(log_density)(places), np.float64)).sum() * area)
