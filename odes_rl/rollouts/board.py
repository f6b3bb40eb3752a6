"""The board: all arrays that pass between a trainer and its workers in a generation, in one piece of memory.

Its size does not grow with the number of environment steps. One episode of one candidate is a unit of work;
workers claim units on the board, so that none waits while another has work left.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from odes_rl.rollouts.protocol import ENDLESS, Moments, Rollouts

PENDING = -1
_ALIGNMENT = 64


class Layout(NamedTuple):
    """The board's shape: C candidates, E episodes each, n observation entries, shapes of weights.

    Where the trainer answers observations with actions, `slots` environments have a place for both: `slots` is their
    number and that of an action's entries m. The weights stay with the trainer then.
    """

    candidates: int
    episodes: int
    observation_size: int
    weights: tuple[tuple[int, ...], ...]
    slots: tuple[int, int] = (0, 0)

    def arrays(self) -> dict[str, tuple[type, tuple[int, ...]]]:
        """Type and shape of each of the board's arrays, apart from the weights."""
        units, n = (self.candidates, self.episodes), self.observation_size
        return {
            "mean": (np.float64, (n,)),
            "deviation": (np.float64, (n,)),
            "origin": (np.float64, (n,)),
            "seeds": (np.int64, units),
            "limit": (np.int64, (1,)),
            "returns": (np.float64, units),
            "lengths": (np.int64, units),
            "saturated": (np.int64, units),
            "sums": (np.float64, (*units, 2, n)),
            "failed": (np.bool_, units),
            "done": (np.bool_, units),
            "claims": (np.int32, units),
            "cursor": (np.int64, (1,)),
            "units": (np.int64, self.slots[:1]),
            "observations": (np.float32, (self.slots[0], n)),
            "answers": (np.float32, self.slots),
        }

    def size(self) -> int:
        """Bytes that the board takes."""
        return sum(length for _, _, length in self._pieces())

    def _pieces(self) -> Iterator[tuple[Any, tuple[int, ...], int]]:
        for dtype, shape in [*((np.float32, shape) for shape in self.weights), *self.arrays().values()]:
            length = math.prod(shape) * np.dtype(dtype).itemsize
            yield dtype, shape, -(-length // _ALIGNMENT) * _ALIGNMENT

    def place(self, buffer: Any) -> "Board":
        """The board's arrays as views of `buffer`, which has `size()` bytes."""
        views, offset = [], 0
        for dtype, shape, length in self._pieces():
            views.append(np.ndarray(shape, dtype, buffer, offset))
            offset += length
        weights = tuple(views[: len(self.weights)])
        return Board(weights, **dict(zip(self.arrays(), views[len(self.weights) :], strict=True)))


def layout_of(weights: Any, statistics: Moments, episode_seeds: np.ndarray) -> Layout:
    """The layout for candidates' `weights` (leaves [C, …]) and `episode_seeds` [C, E]."""
    candidates, episodes = episode_seeds.shape
    shapes = tuple(tuple(leaf.shape) for leaf in weights)
    assert all(shape[0] == candidates for shape in shapes), (candidates, shapes)
    return Layout(candidates, episodes, statistics.mean.size, shapes)


def posted(weights: Any, statistics: Moments, episode_seeds: np.ndarray, steps: int | None = None) -> "Board":
    """A board of this process's own, on which those questions are posted."""
    layout = layout_of(weights, statistics, episode_seeds)
    board = layout.place(bytearray(layout.size()))
    board.post(weights, statistics, episode_seeds, steps)
    return board


class Board(NamedTuple):
    """Views of one generation's arrays, for C candidates of E episodes each; `Layout.arrays` has their types.

    A unit is one episode of one candidate. Questions are written by the trainer, answers by the workers.

    Attributes:
        weights: [C, …] each, of the act rule; none where the trainer computes the actions.
        mean: [n], with `deviation` [n] what normalises observations.
        deviation: [n], infinite for entries that do not vary.
        origin: [n], about which sums are taken.
        seeds: [C, E] of the episodes.
        limit: [1] environment steps of an episode, at most.
        returns: [C, E] sums of rewards.
        lengths: [C, E] environment steps so far.
        saturated: [C, E] entries of actions at their bounds.
        sums: [C, E, 2, n] of the observations' deviations from `origin`, and of the squares of these.
        failed: [C, E] whether the episode failed.
        done: [C, E] whether it is over.
        claims: [C, E] the worker that runs the unit, or PENDING.
        cursor: [1] the first unit that may be pending, in the order of the flat arrays.
        units: [S] the unit in each slot, or PENDING if there is none.
        observations: [S, n] normalised ones, which wait for an action.
        answers: [S, m] outputs of the act rule for them.
    """

    weights: tuple[np.ndarray, ...]
    mean: np.ndarray
    deviation: np.ndarray
    origin: np.ndarray
    seeds: np.ndarray
    limit: np.ndarray
    returns: np.ndarray
    lengths: np.ndarray
    saturated: np.ndarray
    sums: np.ndarray
    failed: np.ndarray
    done: np.ndarray
    claims: np.ndarray
    cursor: np.ndarray
    units: np.ndarray
    observations: np.ndarray
    answers: np.ndarray

    def post(self, weights: Any, statistics: Moments, seeds: np.ndarray, steps: int | None = None) -> None:
        """Write a generation's questions, and mark every unit as pending; episodes have at most so many `steps`."""
        for view, leaf in zip(self.weights, weights, strict=True):
            view[...] = leaf
        self.mean[:] = statistics.centre()
        self.deviation[:] = statistics.standard_deviation()
        self.origin[:] = statistics.mean
        self.seeds[:] = seeds
        self.limit[:] = ENDLESS if steps is None else steps
        self.lengths[:] = 0
        self.done[:] = False
        self.claims[:] = PENDING
        self.cursor[:] = 0
        self.units[:] = PENDING

    def claim(self, worker: int) -> int | None:
        """The next pending unit, now `worker`'s; None if none is left. Call with the board locked."""
        claims = self.claims.reshape(-1)
        unit = int(self.cursor[0])
        while unit < claims.size and claims[unit] != PENDING:
            unit += 1
        self.cursor[0] = unit
        if unit == claims.size:
            return None
        claims[unit] = worker
        return unit

    def unfinished(self, worker: int) -> np.ndarray:
        """[C, E] bool: the units that `worker` has claimed and not finished."""
        return (self.claims == worker) & ~self.done

    def release(self, worker: int) -> None:
        """Make the unfinished units of `worker`, which died, pending again. Call with the board locked."""
        units = self.unfinished(worker)
        self.lengths[units] = 0
        self.claims[units] = PENDING
        self.cursor[0] = 0

    def progress(self, worker: int) -> tuple[int, int]:
        """Units that `worker` has claimed and environment steps that it has taken in them: either grows, or it hangs.

        A lane writes an episode's length at every step.
        """
        claimed = self.claims == worker
        return int(claimed.sum()), int(self.lengths[claimed].sum())

    def rollouts(self, action_size: int, restarts: int) -> Rollouts:
        """The answers, copied off the board."""
        return Rollouts.counted(
            *(self.returns, self.lengths.copy(), self.sums, self.saturated, self.failed),
            origin=self.origin,
            action_size=action_size,
            restarts=restarts,
        )
