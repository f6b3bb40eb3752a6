"""The interface of rollout backends, with their inputs and results. Free of JAX."""

import math
import traceback
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np

from odes_rl.rollouts.setup import Setup

USE_PROCESSES = "use rollouts.backend: processes"
"""What to do about a task that another backend cannot run."""
ENDLESS = 2**31 - 1
"""Environment steps of an episode that nothing limits."""
_LARGEST_SUM = 1e250
"""Of an episode's squares: larger ones may overflow in float64 as they are added, and stay NaN in moments for good."""
_RESOLUTION = 1e-12
"""Of an entry's mean: what float64 makes of an entry that never varies deviates by less."""


class Moments(NamedTuple):
    """Count [], mean [n] and sum of squared deviations from it [n] of observations, in float64.

    While the count is 0 the mean is only a place near which observations are expected: sums of squares are taken about
    it, which float64 does to its last digits if it is near.
    """

    count: np.ndarray  # pyright: ignore[reportIncompatibleMethodOverride] - no tuple's entries are counted here
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def empty(cls, size: int) -> "Moments":
        """Moments of no observation of `size` entries."""
        return cls(np.zeros(()), np.zeros(size), np.zeros(size))

    @classmethod
    def of_sums(cls, lengths: np.ndarray, origin: np.ndarray, sums: np.ndarray, counted: np.ndarray) -> "Moments":
        """Moments of those of a candidate's episodes [E] that are `counted`, [E] bool.

        `lengths` [E] are numbers of observations, `sums` [E, 2, n] those of their deviations from `origin` [n] and of
        the squares of these.
        """
        count = lengths[counted].sum()
        if not count:
            return cls.empty(origin.size)
        shift, squares = sums[counted].sum(axis=0)
        return cls(np.asarray(count, np.float64), origin + shift / count, np.maximum(squares - shift**2 / count, 0.0))

    def weighted(self, weight: float) -> "Moments":
        """Moments of the same observations, each of which counts as `weight` > 0 observations."""
        return Moments(np.asarray(self.count * weight), self.mean, self.squares * weight)

    def merge(self, other: "Moments") -> "Moments":
        """Moments of both sets of observations together (Chan, Golub & LeVeque 1983)."""
        if other.count == 0:
            return self
        if self.count == 0:
            return other
        count = self.count + other.count
        delta = other.mean - self.mean
        share = other.count / count
        return Moments(
            np.asarray(count),
            self.mean + delta * share,
            self.squares + other.squares + delta**2 * (self.count * share),
        )

    def centre(self) -> np.ndarray:
        """[n], what observations are normalised about: the mean, and 0 while nothing was seen."""
        return self.mean if self.count else np.zeros_like(self.mean)

    def standard_deviation(self) -> np.ndarray:
        """[n], 1 while nothing was seen, infinite for an entry that never varied: it normalises to 0."""
        if self.count < 2:
            return np.ones_like(self.mean)
        deviation = np.sqrt(self.squares / self.count)
        return np.where(deviation <= _RESOLUTION * np.abs(self.mean), np.inf, deviation)


class Rollouts(NamedTuple):
    """Results of C candidates in E episodes each.

    Attributes:
        returns: [C, E] float64, sums of rewards; NaN where the episode failed.
        lengths: [C, E] int64, environment steps.
        moments: of the observations of each candidate's finished episodes, one entry a candidate.
        saturated: [C, E] float64, fraction of action entries at or beyond their bounds.
        failed: [C, E] bool, episodes that ended by a non-finite action or return, or by diverged physics, or that
            observed what is too large for `moments`.
        restarts: workers that died and were replaced meanwhile.
    """

    returns: np.ndarray
    lengths: np.ndarray
    moments: list[Moments]
    saturated: np.ndarray
    failed: np.ndarray
    restarts: int

    @classmethod
    def counted(
        cls,
        returns: np.ndarray,
        lengths: np.ndarray,
        sums: np.ndarray,
        saturated: np.ndarray,
        failed: np.ndarray,
        *,
        origin: np.ndarray,
        action_size: int,
        restarts: int = 0,
    ) -> "Rollouts":
        """From what episodes have counted, arrays [C, E]; `sums` [C, E, 2, n] are those of `Moments.of_sums`.

        `saturated` are numbers of entries of actions, of which a step has `action_size`.
        """
        failed = failed | ~(np.abs(sums) < _LARGEST_SUM).all(axis=(-2, -1))
        moments = [
            Moments.of_sums(own_lengths, origin, own_sums, ~own_failed)
            for own_lengths, own_sums, own_failed in zip(lengths, sums, failed, strict=True)
        ]
        returns, part = np.where(failed, np.nan, returns), saturated / np.maximum(lengths * action_size, 1)
        return cls(returns, lengths, moments, part, failed, restarts)

    @classmethod
    def joined(cls, rounds: Sequence["Rollouts"]) -> "Rollouts":
        """Those of several rounds of candidates, as if they had been one."""
        returns, lengths, moments, saturated, failed, restarts = zip(*rounds, strict=True)
        return cls(
            *map(np.concatenate, (returns, lengths)),
            moments=list(chain.from_iterable(moments)),
            saturated=np.concatenate(saturated),
            failed=np.concatenate(failed),
            restarts=sum(restarts),
        )


class EnvironmentFailure(Exception):  # noqa: N818 - it is what failed, not an error of ours
    """An environment raised. The message holds the task, the episode's seed if there is one, and the traceback."""

    @classmethod
    def of(cls, what: str, error: BaseException) -> Self:
        """`what` happened, as "Hopper-v5 raised in its creation", with the traceback of `error`."""
        return cls(f"{what}:\n{''.join(traceback.format_exception(error)).rstrip()}")

    @classmethod
    def in_episode(cls, task: str, seed: int, error: BaseException) -> Self:
        """The task raised `error` in the episode of that seed."""
        return cls.of(f"{task} raised in an episode with seed {seed}", error)


class RolloutBackend(Protocol):
    """Runs episodes of many candidates; a context manager that owns its workers."""

    def evaluate(
        self, weights: Any, statistics: Moments, episode_seeds: np.ndarray, steps: int | None = None
    ) -> Rollouts:
        """Run an episode for each of `episode_seeds` [C, E] with candidate c's `weights` (leaves [C, …]).

        Observations are normalised by `statistics`, which stay frozen meanwhile. An episode has at most that many
        environment `steps`; None leaves it the limit of the task.

        Raises:
            EnvironmentFailure: if an environment raises anything but dm_control's PhysicsError.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


class Request(NamedTuple):
    """The arguments of a call of `RolloutBackend.evaluate`."""

    weights: Any
    statistics: Moments
    episode_seeds: np.ndarray
    steps: int | None = None


@runtime_checkable
class Joining(Protocol):
    """A backend that answers several requests faster together than one after another."""

    def evaluate_all(self, requests: Sequence[Request], parties: int) -> list[Rollouts]:
        """What `evaluate` would return for each of `requests`, of which `parties` come at most, all of one kind."""
        ...


@runtime_checkable
class Foreseeing(Protocol):
    """A backend that prepares episodes while it runs others."""

    def foresee(self, episode_seeds: np.ndarray) -> None:
        """Be told the seeds [C, E] of the call of `evaluate` that follows the next one."""
        ...


class EpisodeSettings(NamedTuple):
    """Settings of episodes for workers, all plain values.

    Normalised observations are clipped to ±clip. Discrete `actions` are "greedy" or "sampled".
    """

    task: str
    max_steps: int | None
    act_rule: str
    squash: str
    clip: float = math.inf
    actions: str = "greedy"
    setup: Setup = Setup()
