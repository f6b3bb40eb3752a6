"""Times in [0, 1] at which flows take their weights."""

import jax
import jax.numpy as jnp


def right_nodes(steps: int) -> jax.Array:
    """[L] times iη, i = 1..L, with η = 1/L: where ODEtoODE takes its weights."""
    return jnp.arange(1, steps + 1) / steps


def left_nodes(steps: int) -> jax.Array:
    """[L] times (i−1)η, i = 1..L, with η = 1/L: where every other architecture takes its weights."""
    return jnp.arange(steps) / steps


def half_nodes(steps: int) -> jax.Array:
    """[2L + 1] times 0, η/2, …, 1 with η = 1/L: where the stages of the midpoint and fourth-order methods lie."""
    return jnp.arange(2 * steps + 1) / (2 * steps)
