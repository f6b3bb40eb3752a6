"""Shaping: from the returns of a generation to the utilities that weigh its perturbations.

All take and give [P, signs], a row for each direction and a column for each of its signs.
"""

import numbers
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.errors import UserError
from odes_rl.parts import Registry

Shaping = Callable[[jax.Array], jax.Array]


def none(returns: jax.Array) -> jax.Array:
    """The returns themselves, as printed in Choromanski et al. 2020."""
    return returns


def standardised(returns: jax.Array) -> jax.Array:
    """Zero mean and unit deviation; all zero where returns do not differ."""
    returns = _below_one(returns)
    return _over_deviation(returns - returns.mean(), returns)


def differences(returns: jax.Array) -> jax.Array:
    """±½(r⁺ − r⁻) of each pair, over the deviation of such differences: what a pair has in common does not count.

    If returns are independent noise, the difference within a pair varies as that of `standardised` noise, whatever the
    pairs' episodes start from.

    Raises:
        UserError: from the shaping, if directions have a single sign.
    """
    _check_pairs("differences", returns)
    halves = _within_pairs(_below_one(returns)) / 2
    return _over_deviation(halves, halves) / jnp.sqrt(2.0)


def signs(returns: jax.Array) -> jax.Array:
    """±½√2 for the better and the worse of each pair, 0 for equal ones: all pairs count alike.

    A pair with a far target, whose returns differ by little, counts as much as one with a near target. Utilities have
    the length of those of `differences`, but for ties.

    Raises:
        UserError: from the shaping, if directions have a single sign.
    """
    _check_pairs("signs", returns)
    return jnp.sign(_within_pairs(returns)) / jnp.sqrt(2.0)


def centred_ranks(returns: jax.Array) -> jax.Array:
    """Ranks spread evenly over [−½, ½], ties sharing their mean rank (Salimans et al. 2017, §2.1)."""
    flat = returns.reshape(-1)
    ordered = jnp.sort(flat)
    below = jnp.searchsorted(ordered, flat, side="left")
    above = flat.size - jnp.searchsorted(ordered, flat, side="right")
    ranks = (below - above).astype(returns.dtype) / (2 * max(flat.size - 1, 1))
    return ranks.reshape(returns.shape)


def top_k(k: int, of: int | None = None) -> Shaping:
    """A shaping: returns of the k directions with the best one, over their deviation; all others 0.

    Scaled so that the mean over candidates is that over the chosen (Mania, Guy & Recht 2018, algorithm 2).

    Args:
        k: directions to keep.
        of: of so many; of several rounds of them, as many times k are kept. None: k in all.

    Raises:
        UserError: if these are no whole numbers, or below 1; from the shaping, if there are fewer than k directions, or
            directions have a single sign.
    """
    for name, value in (("k", k), ("of", of)):
        if value is not None and (not isinstance(value, numbers.Integral) or value < 1):
            raise UserError(f"{name} is {value!r}, but must be a whole number, 1 or more")
    return partial(_best_directions, k, of)


def _check_pairs(shaping: str, returns: jax.Array) -> None:
    if returns.shape[1] != 2:
        raise UserError(
            f"shaping {shaping} compares the two signs of a direction, but directions have one: use standardised, or "
            "antithetic pairs"
        )


def _within_pairs(returns: jax.Array) -> jax.Array:
    """r⁺ − r⁻ and r⁻ − r⁺ of each pair."""
    return returns - returns[:, ::-1]


def _best_directions(k: int, of: int | None, returns: jax.Array) -> jax.Array:
    _check_pairs("top_k", returns)
    k = k if of is None else k * len(returns) // of
    if not 1 <= k <= len(returns):
        raise UserError(f"top_k is {k}, but must be from 1 to {len(returns)}, the directions of a generation")
    best = returns.max(axis=1)
    chosen = jax.lax.top_k(best, k)[1]
    kept = _below_one(returns[chosen])
    share = returns.shape[0] / k
    return jnp.zeros_like(returns).at[chosen].set(_over_deviation(share * kept, kept))


class ShapingFamily(NamedTuple):
    """One entry of the registry. `ShapingFamily(lambda config: shaping)` is one of your own.

    Attributes:
        make: `make(config) -> shaping`, from the options of the strategy.
        about: one sentence for `odes-rl list shapings`.
        depends_on: all that utilities depend on. Returns are float64, a shaping gets float32: `order` and `shape` (the
            values but for a shift and a positive factor) allow large returns to be told apart, and so does
            `differences`, of antithetic pairs.
        pairs: it compares the two signs of a direction, and is refused without `strategy.antithetic`.
    """

    make: Callable[[Any], Shaping]
    about: str = ""
    depends_on: Literal["values", "differences", "shape", "order"] = "values"
    pairs: bool = False


SHAPINGS = Registry(
    "shaping",
    "shapings",
    ShapingFamily,
    {
        "none": ShapingFamily(lambda config: none, "The returns themselves.", "differences"),
        "standardised": ShapingFamily(lambda config: standardised, "Zero mean and unit deviation.", "shape"),
        "differences": ShapingFamily(
            lambda config: differences,
            "Differences within antithetic pairs, over their deviation.",
            "shape",
            pairs=True,
        ),
        "signs": ShapingFamily(lambda config: signs, "Which of each antithetic pair is better.", "order", pairs=True),
        "centred_ranks": ShapingFamily(lambda config: centred_ranks, "Ranks, evenly from -1/2 to 1/2.", "order"),
        "top_k": ShapingFamily(
            lambda config: top_k(config.kept, config.directions),
            "Returns of the best directions, over their deviation.",
            "shape",
            pairs=True,
        ),
    },
)
"""All shapings by name."""


def replace_failed(returns: jax.Array) -> jax.Array:
    """`returns` with the worst finite one in place of each that is not finite; all zero if none is."""
    finite = jnp.isfinite(returns)
    worst = jnp.min(jnp.where(finite, returns, jnp.inf))
    return jnp.where(finite, returns, jnp.where(jnp.isfinite(worst), worst, 0.0))


def _below_one(returns: jax.Array) -> jax.Array:
    """`returns` over the power of two that brings the largest below 1, without rounding: their squares are numbers."""
    largest = jnp.abs(returns).max()
    exponent = jnp.where(jnp.isfinite(largest), -jnp.frexp(largest)[1], 0)
    half = exponent // 2  # the power itself may be no normal number
    return jnp.ldexp(jnp.ldexp(returns, half), exponent - half)


def _over_deviation(values: jax.Array, returns: jax.Array) -> jax.Array:
    """`values` over the deviation of `returns`; 0 where they do not differ."""
    differ = returns.max() > returns.min()  # equal returns have a deviation too: their mean's rounding error
    deviation = jnp.where(differ, returns.std(), 0.0)
    return jnp.where(deviation > 0, values / jnp.where(deviation > 0, deviation, 1.0), 0.0)
