"""The processes backend: worker processes that share one board. Free of JAX."""

import os
import subprocess
import sys
from contextlib import ExitStack, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, Self

import numpy as np

from odes_rl.rollouts import memory
from odes_rl.rollouts.base import EnvironmentFailure, EpisodeSettings, Moments, Rollouts
from odes_rl.rollouts.board import Board, Layout, layout_of
from odes_rl.rollouts.environments import describe_task

_THREAD_LIMITS = ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "NUMEXPR", "NUMBA")
_FUTILE_RESTARTS = 10
_GRACE_SECONDS = 2.0


class _Worker(NamedTuple):
    process: subprocess.Popen
    connection: Connection


class ProcessesBackend:
    """Steps environments in `workers` processes with `lanes` environments each.

    Entering the context starts them. A worker that dies is replaced and its unfinished episodes are run again, to
    the same result. After an exception workers may still be in their episodes: only closing is allowed then.
    """

    def __init__(self, settings: EpisodeSettings, workers: int, lanes: int = 1) -> None:
        self.settings = settings
        self.worker_count = workers
        self.lanes = lanes
        self.action_size = describe_task(settings.task).action_size
        self.workers: list[_Worker] = []
        self.resources = ExitStack()

    def evaluate(self, weights: Any, statistics: Moments, episode_seeds: np.ndarray) -> Rollouts:
        """See `RolloutBackend.evaluate`.

        Raises:
            EnvironmentFailure: also if workers die again and again without finishing an episode.
        """
        layout = layout_of(weights, statistics, episode_seeds)
        board = layout.place(memory.view(self.memory, layout.size()))
        board.post(weights, statistics, episode_seeds)
        restarts = self._run(board, layout)
        return board.rollouts(self.action_size, restarts)

    def _run(self, board: Board, layout: Layout) -> int:
        """Have the workers fill the board; returns how many died meanwhile."""
        everyone = set(range(len(self.workers)))
        busy = self._command(everyone, layout)
        restarts = futile = finished = 0
        while busy:
            for index in self._ready():
                if self._has_finished(index):
                    busy.discard(index)
                    continue
                restarts += 1
                futile = futile + 1 if board.done.sum() == finished else 0
                finished = int(board.done.sum())
                self._check_progress(futile)
                self._replace(index, board)
                busy |= self._command(everyone - busy | {index}, layout)
        assert board.done.all(), board.claims
        return restarts

    def _command(self, indices: set[int], layout: Layout) -> set[int]:
        for index in indices:
            with suppress(OSError):  # a dead worker's pipe: `_ready` will name it
                self.workers[index].connection.send(tuple(layout))
        return indices

    def _ready(self) -> list[int]:
        """Workers that have answered or died."""
        connections = [worker.connection for worker in self.workers]
        return [connections.index(connection) for connection in wait(connections)]  # type: ignore[arg-type]

    def _has_finished(self, index: int) -> bool:
        """True if the worker has no work left, False if it died."""
        try:
            failure = self.workers[index].connection.recv()
        except (EOFError, OSError):
            return False
        if failure is not None:
            raise EnvironmentFailure(failure)
        return True

    def _check_progress(self, futile: int) -> None:
        if futile > _FUTILE_RESTARTS:
            raise EnvironmentFailure(
                f"workers on {self.settings.task} died {futile} times in a row without finishing an episode; "
                "standard error has their last words"
            )

    def _replace(self, index: int, board: Board) -> None:
        self._end(self.workers[index])
        with memory.locked(self.lock):
            board.release(index)
        self.workers[index] = self._start(index)

    def _start(self, index: int) -> _Worker:
        ours, theirs = Pipe()
        with theirs:
            descriptors = (theirs.fileno(), self.memory, self.lock)
            process = subprocess.Popen(
                [sys.executable, "-m", "odes_rl.rollouts.worker", *map(str, descriptors), str(index)],
                env={**os.environ, **_worker_environment()},
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                process_group=0,  # out of reach of the terminal's Ctrl-C, which is the trainer's to handle
            )
        with suppress(OSError):
            ours.send((tuple(self.settings), self.lanes))
        return _Worker(process, ours)

    def _end(self, worker: _Worker) -> None:
        worker.connection.close()
        try:
            worker.process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()

    def _share_memory(self) -> int:
        descriptor = memory.create()
        self.resources.callback(os.close, descriptor)
        return descriptor

    def __enter__(self) -> Self:
        with ExitStack() as on_failure:  # Ctrl-C while workers start leaves nothing open
            on_failure.callback(self.resources.close)
            self.memory, self.lock = self._share_memory(), self._share_memory()
            for index in range(self.worker_count):
                self.workers.append(self._start(index))
                self.resources.callback(lambda index=index: self._end(self.workers[index]))
            on_failure.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self.resources.close()


def _worker_environment() -> dict[str, str]:
    """One thread for each numerical library, no display, and the trainer's import path."""
    limits = {f"{library}_NUM_THREADS": "1" for library in _THREAD_LIMITS}
    return {**limits, "MUJOCO_GL": "disable", "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
