"""Rows of episodes, those of one candidate each, from one or several requests."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.rollouts.protocol import ENDLESS, Moments, Request
from odes_rl.simulation.episodes import Normalising, Tally

_RESOLUTION = 1e-6
"""Of an entry's mean: float32 does not tell smaller deviations from rounding."""


class Rows(NamedTuple):
    """R rows of E episodes each.

    Attributes:
        weights: leaves [C, …], of candidates.
        normalising: leaves [R, n].
        limits: [R] int32, environment steps of an episode at most.
        seeds: [R, E] of the episodes.
        owners: [R] the candidate of each row.
    """

    weights: Any
    normalising: Normalising
    limits: np.ndarray
    seeds: np.ndarray
    owners: np.ndarray


def rows_of(request: Request, limit: int | None) -> Rows:
    """The rows of a request: its candidates, in a task of which an episode has at most `limit` environment steps.

    Of a single candidate, which is evaluated, each episode is a row of its own.
    """
    weights, statistics, seeds, steps = request
    owners = np.arange(len(seeds))
    if len(seeds) == 1:
        seeds, owners = seeds.reshape(-1, 1), np.zeros(seeds.size, np.int64)
    repeated = [np.broadcast_to(entry, (len(seeds), entry.size)) for entry in _normalising(statistics)]
    limits = np.full(len(seeds), min(limit or ENDLESS, steps or ENDLESS), np.int32)
    return Rows(jax.tree.map(jnp.asarray, weights), Normalising(*repeated), limits, seeds, owners)


def joined_rows(parts: Sequence[Rows]) -> Rows:
    """All rows of `parts`, which have as many episodes a row, in their order."""
    if len(parts) == 1:
        return parts[0]
    counts = [jax.tree.leaves(part.weights)[0].shape[0] for part in parts]
    firsts = np.cumsum([0, *counts[:-1]])
    return Rows(
        jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *(part.weights for part in parts)),
        Normalising(*(np.concatenate(entries) for entries in zip(*(part.normalising for part in parts), strict=True))),
        np.concatenate([part.limits for part in parts]),
        np.concatenate([part.seeds for part in parts]),
        np.concatenate([first + part.owners for first, part in zip(firsts, parts, strict=True)]),
    )


def split_rows(tally: Tally, counts: Sequence[int]) -> list[Tally]:
    """The results of so many rows each, one part behind the other."""
    ends = np.cumsum(counts)
    return [Tally(*(leaf[end - count : end] for leaf in tally)) for count, end in zip(counts, ends, strict=True)]


def _normalising(statistics: Moments) -> Normalising:
    centre, deviation = statistics.centre(), statistics.standard_deviation()
    resolved = np.where(deviation <= _RESOLUTION * np.abs(centre), np.inf, deviation)
    return Normalising(*(entry.astype(np.float32) for entry in (centre, resolved, statistics.mean)))
