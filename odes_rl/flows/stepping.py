"""A state at the times of a grid, by one step of a method from each time to the next."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


def solution_at(times: jax.Array, step: Callable[[jax.Array, jax.Array, Any], Any], start: Any) -> Any:
    """The states at `times` [L], leaves [L, …], from `start` at time 0: state₁ = step(t₀, t₁, state₀)."""
    starts = jnp.concatenate([jnp.zeros_like(times[:1]), times[:-1]])

    def one(state: Any, interval: tuple[jax.Array, jax.Array]) -> tuple[Any, Any]:
        state = step(*interval, state)
        return state, state

    return lax.scan(one, start, (starts, times))[1]
