"""The words in which rewards are written (`odes_rl.rollouts.physics.words`), for JAX."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from odes_rl.rollouts.physics.words import Words


def tolerance(
    x: jax.Array,
    bounds: tuple[Any, Any] = (0.0, 0.0),
    margin: float = 0.0,
    sigmoid: str = "gaussian",
    value_at_margin: float = 0.1,
) -> jax.Array:
    """1 where x [...] lies within `bounds`, falling to `value_at_margin` at a distance of `margin` from them.

    DM Control's (Tassa et al. 2018, §3).
    """
    lower, upper = bounds
    inside = (lower <= x) & (x <= upper)
    if margin == 0:
        return jnp.where(inside, 1.0, 0.0)
    distance = jnp.where(x < lower, lower - x, x - upper) / margin
    return jnp.where(inside, 1.0, SIGMOIDS[sigmoid](distance, value_at_margin))


def _below_one(scaled: jax.Array, values: jax.Array) -> jax.Array:
    return jnp.where(jnp.abs(scaled) < 1, values, 0.0)


def _gaussian(x: jax.Array, value: float) -> jax.Array:
    return jnp.exp(-0.5 * jnp.square(x * math.sqrt(-2 * math.log(value))))


def _hyperbolic(x: jax.Array, value: float) -> jax.Array:
    return 1 / jnp.cosh(x * math.acosh(1 / value))


def _long_tail(x: jax.Array, value: float) -> jax.Array:
    return 1 / (jnp.square(x * math.sqrt(1 / value - 1)) + 1)


def _reciprocal(x: jax.Array, value: float) -> jax.Array:
    return 1 / (jnp.abs(x) * (1 / value - 1) + 1)


def _cosine(x: jax.Array, value: float) -> jax.Array:
    scaled = x * (math.acos(2 * value - 1) / math.pi)
    return _below_one(scaled, (1 + jnp.cos(math.pi * scaled)) / 2)


def _linear(x: jax.Array, value: float) -> jax.Array:
    scaled = x * (1 - value)
    return _below_one(scaled, 1 - scaled)


def _quadratic(x: jax.Array, value: float) -> jax.Array:
    scaled = x * math.sqrt(1 - value)
    return _below_one(scaled, 1 - jnp.square(scaled))


def _tanh_squared(x: jax.Array, value: float) -> jax.Array:
    return 1 - jnp.square(jnp.tanh(x * math.atanh(math.sqrt(1 - value))))


SIGMOIDS: dict[str, Callable[[jax.Array, float], jax.Array]] = {
    function.__name__.removeprefix("_"): function
    for function in (
        *(_gaussian, _hyperbolic, _long_tail, _reciprocal),
        *(_cosine, _linear, _quadratic, _tanh_squared),
    )
}
"""DM Control's, by name: 1 at 0 and `value` at 1."""


def _norm(vectors: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.sum(jnp.square(vectors), axis=-1))


def _each(function: Callable[[Any], Any], rows: jax.Array) -> jax.Array:
    return jax.vmap(function)(rows)


JAX = Words(jnp, jnp.square, _norm, _each, tolerance, tolerance)
