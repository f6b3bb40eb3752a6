"""The EnvPool backend: C++ threads step a pool of environments, one compiled call acts for many. Free of JAX."""

from typing import Any, Self

import numpy as np

from odes_rl.act.bounds import SQUASHES
from odes_rl.interrupts import check_interrupted
from odes_rl.rollouts.batches import Batch, compile_answer, start
from odes_rl.rollouts.board import Board, posted
from odes_rl.rollouts.envpool_tasks import EntryOrder, Pool, check_envpool_setup, check_envpool_task
from odes_rl.rollouts.patience import telling_steps
from odes_rl.rollouts.protocol import EpisodeSettings, Moments, Rollouts

_ENVIRONMENTS_A_THREAD = 16
"""Fewer make smaller batches, each of which costs the trainer a tenth of a millisecond."""
_NOBODY = -1


class EnvPoolBackend:
    """Steps environments of EnvPool (Weng et al. 2022) in `workers` C++ threads, `lanes` times sixteen for each.

    **Its results cannot be reproduced**: EnvPool ignores the seeds of episodes, so that the same call gives other
    returns each time, the members of an antithetic pair begin in different states, and a resumed run differs from an
    uninterrupted one. It agrees with the other backends in what a step does (to rounding; rewards come in float32)
    and in the distribution of returns. It does not notice physics that diverges: MuJoCo resets the simulation then.

    After an exception environments may still be in their steps: only closing is allowed then.

    Raises:
        UserError: if EnvPool is not installed, or lacks the task, or the task has options or wrappers.
    """

    def __init__(self, settings: EpisodeSettings, workers: int, lanes: int = 1) -> None:
        check_envpool_setup(settings.setup)
        check_envpool_task(settings.task)
        self.settings = settings
        self.threads = workers
        self.size = _ENVIRONMENTS_A_THREAD * workers * lanes
        self.order = EntryOrder(settings)
        self.squash_code = SQUASHES.index(settings.squash)
        self.answer = compile_answer(settings.act_rule)
        self.pools: dict[int, Pool] = {}

    def evaluate(
        self, weights: Any, statistics: Moments, episode_seeds: np.ndarray, steps: int | None = None
    ) -> Rollouts:
        """See `RolloutBackend.evaluate`; only the shape of `episode_seeds` counts."""
        board = posted(weights, statistics, episode_seeds, steps)
        pool = self._pool(episode_seeds.size)
        with telling_steps(self.settings.task, board):
            self._run(board, pool)
        pool.settle()
        return board.rollouts(self.order.task.action_size, restarts=0)

    def _pool(self, units: int) -> Pool:
        """The pool for that many units of work: one that has environments to spare would only wait for them."""
        size = min(self.size, units)
        if size not in self.pools:
            self.pools[size] = Pool(self.settings, self.order, size, self.threads)
        return self.pools[size]

    def _run(self, board: Board, pool: Pool) -> None:
        units = np.full(pool.size, _NOBODY)
        self._begin(board, pool, units, np.arange(pool.size))
        actions = np.empty((pool.batch, self.order.task.action_size))
        goes_on = np.empty(pool.batch, np.bool_)
        clip = self.settings.clip
        while (units != _NOBODY).any():
            check_interrupted()
            batch = pool.receive()
            self.answer(board, units, batch, clip, self.squash_code, *pool.bounds, actions, goes_on)
            if goes_on.all():
                pool.step(batch.ids, actions)
                continue
            if goes_on.any():
                pool.step(batch.ids[goes_on], actions[goes_on])
            self._begin(board, pool, units, _ended(batch, units, goes_on))

    def _begin(self, board: Board, pool: Pool, units: np.ndarray, ids: np.ndarray) -> None:
        """Begin the next units' episodes in environments at rest, as many as there are units left."""
        for identity in ids:
            unit = board.claim(worker=0)
            units[identity] = _NOBODY if unit is None else unit
            if unit is not None:
                start(board, unit)
        begun = ids[units[ids] != _NOBODY]
        if begun.size:
            pool.reset(begun)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for pool in self.pools.values():
            pool.close()
        self.pools.clear()


def _ended(batch: Batch, units: np.ndarray, goes_on: np.ndarray) -> np.ndarray:
    """Environments of the batch whose episodes have just ended."""
    return batch.ids[~goes_on & (units[batch.ids] != _NOBODY)]
