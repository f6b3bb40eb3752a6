"""Many episodes in one compiled call: what was observed and earned goes on the board, and actions come back.

Free of JAX. For backends that step a pool of environments and hear of several at once.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba.extending import overload

from odes_rl.act import find_rule
from odes_rl.act.bounds import normalise, squash
from odes_rl.act.choice import act, compiled_with
from odes_rl.act.compilation import compiled
from odes_rl.rollouts.board import Board


class Batch(NamedTuple):
    """Results of B environments of a pool.

    Attributes:
        ids: [B] int32, which environments.
        observations: [B, n] float64.
        rewards: [B] float32, of the step that led here.
        first: [B] bool, the observation is that of a reset: its reward belongs to no step.
        over: [B] bool, the episode ended here.
    """

    ids: np.ndarray
    observations: np.ndarray
    rewards: np.ndarray
    first: np.ndarray
    over: np.ndarray


def _entry(leaves: Any, candidate: int) -> Any:
    """The tuple of leaf[candidate] for each of `leaves`."""
    raise NotImplementedError


@overload(_entry, strict=False)  # strict would compare annotations too
def _entry_of_each(leaves: Any, candidate: Any) -> Any:
    if not len(leaves):
        return lambda leaves, candidate: ()
    return lambda leaves, candidate: (leaves[0][candidate], *_entry(leaves[1:], candidate))


@compiled(nogil=True)
def start(board: Board, unit: int) -> None:
    """Clear the place of `unit`, an index into the flattened [C, E], for an episode that begins."""
    c, e = unit // board.seeds.shape[1], unit % board.seeds.shape[1]
    board.returns[c, e] = 0.0
    board.lengths[c, e] = 0
    board.saturated[c, e] = 0
    board.sums[c, e] = 0.0


@compiled(nogil=True)
def _finish(board: Board, c: int, e: int, failed: bool) -> None:
    board.failed[c, e] = failed
    board.done[c, e] = True


@cache
def compile_answer(rule: str) -> Callable[..., None]:
    """The function that answers batches with the act rule of that name; it is compiled when first called.

    `answer(board, units [N], batch, clip, code, low [m], high [m], actions [B, m], goes_on [B])` writes actions
    float64 and whether the episode goes on. `units` has the unit of each environment, −1 for one without; normalised
    observations are cut to ±clip; `code` is the squash's place in SQUASHES.
    """
    weights_of = find_rule(rule).weights

    @compiled_with(rule)(nogil=True)
    def answer(
        board: Board,
        units: np.ndarray,
        batch: Batch,
        clip: float,
        code: int,
        low: np.ndarray,
        high: np.ndarray,
        actions: np.ndarray,
        goes_on: np.ndarray,
    ) -> None:
        normalised = np.empty(board.mean.size, np.float32)
        raw = np.empty(low.size, np.float32)
        goes_on[:] = False
        for b in range(batch.ids.size):
            unit = units[batch.ids[b]]
            if unit < 0:
                continue
            c, e = unit // board.seeds.shape[1], unit % board.seeds.shape[1]
            if not batch.first[b]:
                board.returns[c, e] += batch.rewards[b]
                if batch.over[b] or board.lengths[c, e] >= board.limit[0]:
                    _finish(board, c, e, not np.isfinite(board.returns[c, e]))
                    continue
            sums = board.sums[c, e]
            normalise(batch.observations[b], board.mean, board.deviation, board.origin, clip, sums, normalised)
            act(rule, weights_of(*_entry(board.weights, c)), normalised, raw)
            saturated = squash(code, raw, low, high, actions[b])
            board.lengths[c, e] += 1
            if saturated < 0:
                _finish(board, c, e, True)
                continue
            board.saturated[c, e] += saturated
            goes_on[b] = True

    return answer
