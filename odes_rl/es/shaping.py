"""Shaping: from the returns of a generation to the utilities that weigh its perturbations.

All take and give [P, signs], a row for each direction and a column for each of its signs.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from odes_rl.errors import UserError
from odes_rl.es.config import StrategyConfig

Shaping = Callable[[jax.Array], jax.Array]


def none(returns: jax.Array) -> jax.Array:
    """The returns themselves, as printed in Choromanski et al. 2020."""
    return returns


def standardised(returns: jax.Array) -> jax.Array:
    """Zero mean and unit deviation; all zero where returns do not differ."""
    return _over_deviation(returns - returns.mean(), returns)


def centred_ranks(returns: jax.Array) -> jax.Array:
    """Ranks spread evenly over [−½, ½], ties sharing their mean rank (Salimans et al. 2017, §2.1)."""
    flat = returns.reshape(-1)
    ordered = jnp.sort(flat)
    below = jnp.searchsorted(ordered, flat, side="left")
    above = flat.size - jnp.searchsorted(ordered, flat, side="right")
    ranks = (below - above).astype(returns.dtype) / (2 * max(flat.size - 1, 1))
    return ranks.reshape(returns.shape)


def top_k(k: int) -> Shaping:
    """A shaping: returns of the k directions with the best one, over their deviation; all others 0.

    Scaled so that the mean over candidates is that over the chosen (Mania, Guy & Recht 2018, algorithm 2).

    Raises:
        UserError: from the shaping, if there are fewer than k directions.
    """
    return partial(_best_directions, k)


def _best_directions(k: int, returns: jax.Array) -> jax.Array:
    if not 1 <= k <= len(returns):
        raise UserError(f"top_k is {k}, but must be from 1 to {len(returns)}, the directions of a generation")
    best = returns.max(axis=1)
    chosen = jax.lax.top_k(best, k)[1]
    kept = returns[chosen]
    share = returns.shape[0] / k
    return jnp.zeros_like(returns).at[chosen].set(_over_deviation(share * kept, kept))


SHAPINGS: dict[str, Callable[[StrategyConfig], Shaping]] = {
    "none": lambda config: none,
    "standardised": lambda config: standardised,
    "centred_ranks": lambda config: centred_ranks,
    "top_k": lambda config: top_k(config.top_k),
}
"""All shapings by name, each made from the strategy's options."""


def replace_failed(returns: jax.Array) -> jax.Array:
    """`returns` with the worst finite one in place of each that is not finite; all zero if none is."""
    finite = jnp.isfinite(returns)
    worst = jnp.min(jnp.where(finite, returns, jnp.inf))
    return jnp.where(finite, returns, jnp.where(jnp.isfinite(worst), worst, 0.0))


def _over_deviation(values: jax.Array, returns: jax.Array) -> jax.Array:
    """`values` over the deviation of `returns`; 0 where they do not differ."""
    differ = returns.max() > returns.min()  # equal returns have a deviation too: their mean's rounding error
    deviation = jnp.where(differ, returns.std(), 0.0)
    return jnp.where(deviation > 0, values / jnp.where(deviation > 0, deviation, 1.0), 0.0)
