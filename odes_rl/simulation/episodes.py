"""Episodes of many candidates at once, in one program: chunks of environment steps, until every episode has ended."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.act.bounds import normalised, spread_out, squashed
from odes_rl.simulation.simulator import Simulator, Start


class Play(NamedTuple):
    """How policies act in a task.

    Attributes:
        act: the array form of an act rule.
        squash: the name of the squash.
        low: lowest actions [m].
        high: highest actions [m].
        clip: normalised observations are cut to ±clip.
        chunk: environment steps between two looks at whether all episodes have ended.
    """

    act: Callable[..., jax.Array]
    squash: str
    low: Any
    high: Any
    clip: float
    chunk: int


class Normalising(NamedTuple):
    """Each [R, n]: what is subtracted from observations, what they are divided by, and the centre of their moments."""

    mean: Any
    deviation: Any
    origin: Any


class Tally(NamedTuple):
    """Results of one episode, or of arrays of them.

    Attributes:
        returns: sum of rewards.
        lengths: environment steps.
        saturated: action entries at their bounds, in all steps.
        failed: whether it ended by a non-finite action or return, or by diverged physics.
        sums: [2, n] of deviations of observations from the centre, and of their squares.
    """

    returns: Any
    lengths: Any
    saturated: Any
    failed: Any
    sums: Any


class Episode(NamedTuple):
    """An episode that is run: where it is, whether it goes on, and its results so far."""

    place: Start
    alive: jax.Array
    tally: Tally


def run_episodes(
    simulator: Simulator,
    play: Play,
    constants: Any,
    weights: Any,
    normalising: Normalising,
    limits: Any,
    starts: Start,
    wanted: Any,
) -> Tally:
    """Run an episode from each of `starts` (leaves [R, E, …]) with row r's `weights` and `normalising` (leaves [R, …]).

    Results are [R, E]. Those of row r have at most `limits[r]` environment steps.

    Those that are not `wanted` [R, E] end before their first step. An episode that has ended stays at its start, where
    nothing diverges and no solver takes longer than for the others.
    """
    advance = partial(_advance, simulator, play, constants)
    advance = jax.vmap(jax.vmap(advance, in_axes=(None, None, None, 0, 0)))

    def step(episodes: Episode, _: None) -> tuple[Episode, None]:
        return advance(weights, normalising, limits, starts, episodes), None

    def chunk(episodes: Episode) -> Episode:
        before = episodes.tally
        # Sums of many float32 numbers keep more digits if parts of them are summed first.
        parts = before._replace(returns=jnp.zeros_like(before.returns), sums=jnp.zeros_like(before.sums))
        after, _ = lax.scan(step, episodes._replace(tally=parts), length=play.chunk)
        tally = after.tally
        whole = tally._replace(returns=before.returns + tally.returns, sums=before.sums + tally.sums)
        return after._replace(tally=whole)

    episodes = lax.while_loop(lambda episodes: episodes.alive.any(), chunk, _begin(starts, wanted))
    tally = episodes.tally
    return tally._replace(failed=tally.failed | ~jnp.isfinite(tally.returns))


def _begin(starts: Start, wanted: jax.Array) -> Episode:
    floats, counts = jnp.zeros(wanted.shape, starts.observation.dtype), jnp.zeros(wanted.shape, jnp.int32)
    sums = jnp.zeros((*wanted.shape, 2, starts.observation.shape[-1]), starts.observation.dtype)
    return Episode(starts, wanted, Tally(floats, counts, counts, jnp.zeros(wanted.shape, jnp.bool_), sums))


def _advance(
    simulator: Simulator,
    play: Play,
    constants: Any,
    weights: Any,
    normalising: Normalising,
    limit: jax.Array,
    start: Start,
    episode: Episode,
) -> Episode:
    """The `episode` after one environment step, if it is alive."""
    (state, observation), alive, tally = episode
    raw = play.act(weights, normalised(observation, normalising.mean, normalising.deviation, play.clip))
    action = squashed(play.squash, raw, play.low, play.high)
    sound = jnp.isfinite(raw).all()
    after = simulator.step(constants, state, jnp.where(sound, action, 0.0))
    failed = ~sound | after.failed
    deviation = observation - normalising.origin
    new = Tally(
        returns=tally.returns + jnp.where(failed, 0.0, after.reward),
        lengths=tally.lengths + 1,
        saturated=tally.saturated + jnp.where(sound, _saturated(play, raw), 0),
        failed=failed,
        sums=tally.sums + jnp.stack([deviation, jnp.square(deviation)]),
    )
    over = failed | after.over | (new.lengths >= limit)
    place = _where(alive & ~over, Start(after.state, after.observation), start)
    return Episode(place, alive & ~over, _where(alive, new, tally))


def _saturated(play: Play, raw: jax.Array) -> jax.Array:
    """How many entries of an act rule's output [m] are at their bounds, as `act.bounds.squash` counts them."""
    spread = spread_out(play.squash, raw, play.low, play.high)
    at_bounds = jnp.abs(jnp.tanh(raw)) > 0.99 if play.squash == "tanh" else (spread <= play.low) | (spread >= play.high)
    return at_bounds.sum(dtype=jnp.int32)


def _where(condition: jax.Array, chosen: Any, other: Any) -> Any:
    return jax.tree.map(lambda one, two: jnp.where(condition, one, two), chosen, other)
