"""The processes backend: worker processes that share one board. Free of JAX."""

import logging
import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Self

import numpy as np

from odes_rl.errors import UserError
from odes_rl.interrupts import wait_for_any
from odes_rl.rollouts import memory
from odes_rl.rollouts.board import Board, Layout, layout_of
from odes_rl.rollouts.environments import describe_task
from odes_rl.rollouts.inference import Actor, Inference
from odes_rl.rollouts.patience import telling_steps
from odes_rl.rollouts.protocol import EnvironmentFailure, EpisodeSettings, Moments, Rollouts
from odes_rl.rollouts.watch import DeathToll, HangWatch
from odes_rl.rollouts.worker import ASKING, FAILED, FINISHED, REFUSED
from odes_rl.start_up import import_path, python_command

_THREAD_LIMITS = (
    *(f"{library}_NUM_THREADS" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")),
    "VECLIB_MAXIMUM_THREADS",
)
_GRACE_SECONDS = 2.0
_log = logging.getLogger(__name__)


class _Worker(NamedTuple):
    process: subprocess.Popen
    connection: Connection


class ProcessesBackend:
    """Steps environments in `workers` processes with `lanes` environments each.

    Entering the context starts them. A worker that dies is replaced and its unfinished episodes are run again, to
    the same result; so is one that takes no environment step for `deadline` seconds, which is killed. With an `actor`
    actions are computed here, for all workers at once. After an exception workers may still be in their episodes: only
    closing is allowed then.
    """

    def __init__(
        self,
        settings: EpisodeSettings,
        workers: int,
        lanes: int = 1,
        deadline: float | None = None,
        actor: Actor | None = None,
    ) -> None:
        self.settings = settings
        self.worker_count = workers
        self.lanes = lanes
        self.deadline = deadline
        self.action_size = describe_task(settings.task, setup=settings.setup, max_steps=settings.max_steps).action_size
        self.inference = Inference(actor, workers, lanes, self.action_size) if actor else None
        self.workers: list[_Worker] = []
        self.resources = ExitStack()

    def evaluate(
        self, weights: Any, statistics: Moments, episode_seeds: np.ndarray, steps: int | None = None
    ) -> Rollouts:
        """See `RolloutBackend.evaluate`.

        Raises:
            EnvironmentFailure: also if workers die or hang again and again without finishing an episode.
            UserError: if a worker cannot make its environments, or find the act rule.
        """
        posted = () if self.inference else weights
        layout = layout_of(posted, statistics, episode_seeds)
        if self.inference:
            layout = layout._replace(slots=self.inference.slots)
        board = layout.place(memory.view(self.memory, layout.size()))
        board.post(posted, statistics, episode_seeds, steps)
        if self.inference:
            self.inference.begin(weights, board)
        with telling_steps(self.settings.task, board):
            restarts = self._run(board, layout)
        return board.rollouts(self.action_size, restarts)

    def _run(self, board: Board, layout: Layout) -> int:
        """Have the workers fill the board; returns how many died or hung meanwhile."""
        everyone = set(range(len(self.workers)))
        watch = HangWatch(self.deadline)
        toll = DeathToll(self.settings.task, board, len(self.workers), self.deadline)
        busy = self._command(everyone, layout)
        while busy:
            finished, dead = self._hear(watch)
            busy -= finished
            waiting = self._answer()
            hung = watch.hung(board, busy - dead - waiting)
            if lost := dead | hung:
                self._replace(lost, hung, board, toll, watch)
                busy |= self._command(everyone - busy | lost, layout)  # whoever is free claims what they left
        assert board.done.all(), board.claims
        return toll.total

    def _command(self, indices: set[int], layout: Layout) -> set[int]:
        for index in indices:
            with suppress(OSError):  # a dead worker's pipe: `_hear` will name it
                self.workers[index].connection.send(tuple(layout))
            if self.inference:
                self.inference.started(index)
        return indices

    def _answer(self) -> set[int]:
        """Answer observations, where that is done here; the workers that wait for others'."""

        def send(index: int, half: int) -> None:
            with suppress(OSError):
                self.workers[index].connection.send(half)

        return self.inference.answer(send) if self.inference else set()

    def _hear(self, watch: HangWatch) -> tuple[set[int], set[int]]:
        """Wait for workers to answer, or until it is time for a look at the board; who has finished, and who died."""
        connections = [worker.connection for worker in self.workers]
        finished, dead = set(), set()
        for index in map(connections.index, wait_for_any(connections, watch.pause)):
            watch.note(index)
            try:
                answer, detail = self.workers[index].connection.recv()
            except (EOFError, OSError):
                dead.add(index)
                continue
            if answer == FAILED:
                raise EnvironmentFailure(detail)
            if answer == REFUSED:
                raise UserError(detail)
            if answer == FINISHED:
                finished.add(index)
            if answer == ASKING and self.inference:
                self.inference.told(index, *detail)
        return finished, dead

    def _replace(self, lost: set[int], hung: set[int], board: Board, toll: DeathToll, watch: HangWatch) -> None:
        """Start workers in place of those that are lost, whose unfinished units become pending again."""
        for index in hung:
            _log.warning("a worker took no environment step for %g s and is replaced", self.deadline)
            self.workers[index].process.kill()
        _end([self.workers[index] for index in lost])
        for index in sorted(lost):
            toll.count(index, hung=index in hung)
            watch.note(index)
            self._release(index, board)
            self.workers[index] = self._start(index)

    def _release(self, index: int, board: Board) -> None:
        try:
            with memory.locked(self.lock, _GRACE_SECONDS):
                board.release(index)
        except TimeoutError:  # a worker was stopped while it held the lock, for which every other one waits
            for worker in self.workers:
                worker.process.kill()
            with memory.locked(self.lock):
                board.release(index)

    def _start(self, index: int) -> _Worker:
        ours, theirs = Pipe()
        with theirs:
            descriptors = (theirs.fileno(), self.memory, self.lock)
            process = subprocess.Popen(
                [*python_command("odes_rl.rollouts.worker"), *map(str, descriptors), str(index)],
                env={**os.environ, **worker_environment()},
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                process_group=0,  # out of reach of the terminal's Ctrl-C, which is the trainer's to handle
            )
        with suppress(OSError):
            ours.send((tuple(self.settings), self.lanes))
        return _Worker(process, ours)

    def _share_memory(self) -> int:
        descriptor = memory.create()
        self.resources.callback(os.close, descriptor)
        return descriptor

    def __enter__(self) -> Self:
        with ExitStack() as on_failure:  # Ctrl-C while workers start leaves nothing open
            on_failure.callback(self.resources.close)
            self.memory, self.lock = self._share_memory(), self._share_memory()
            self.resources.callback(_end, self.workers)
            for index in range(self.worker_count):
                self.workers.append(self._start(index))
            on_failure.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self.resources.close()


def _end(workers: Sequence[_Worker]) -> None:
    """Tell all to end, by closing their pipes, and wait; kill those that do not in time."""
    for worker in workers:
        worker.connection.close()
    deadline = time.monotonic() + _GRACE_SECONDS
    for worker in workers:
        try:
            worker.process.wait(max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


def worker_environment() -> dict[str, str]:
    """One thread for each numerical library, no display, and the trainer's import path."""
    return {**dict.fromkeys(_THREAD_LIMITS, "1"), "MUJOCO_GL": "disable", **import_path()}
