"""A rollout backend: threads of the trainer's own process. It should not import JAX."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np

from odes_rl.rollouts import (
    BackendFamily,
    Choice,
    EpisodeSettings,
    Lane,
    Moments,
    Rollouts,
    close_all,
    posted,
    run_units,
)


class ThreadsBackend:
    """Steps one environment in each of `workers` threads."""

    def __init__(self, settings: EpisodeSettings, workers: int) -> None:
        self.lanes = [Lane(settings) for _ in range(workers)]
        self.lock = threading.Lock()

    def evaluate(
        self, weights: Any, statistics: Moments, episode_seeds: np.ndarray, steps: int | None = None
    ) -> Rollouts:
        """One episode for each of `episode_seeds` [C, E], of at most `steps` environment steps."""
        board = posted(weights, statistics, episode_seeds, steps)

        def claim() -> Any:
            with self.lock:
                return board.claim(worker=0)

        with ThreadPoolExecutor(len(self.lanes)) as pool:
            for done in [pool.submit(run_units, [lane], board, claim) for lane in self.lanes]:
                done.result()
        return board.rollouts(self.lanes[0].task.action_size, restarts=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        close_all(lane.environment for lane in self.lanes)


def make_threads(choice: Choice, settings: EpisodeSettings, actor: object) -> ThreadsBackend:
    """The backend, with as many threads as `rollouts.workers` asks for."""
    return ThreadsBackend(settings, choice.workers or 1)


THREADS = BackendFamily(make_threads, "Threads of this process; the bits of serial.")
