"""Supervision of workers by the trainer: workers that make no step, and episodes that kill their workers.

Free of JAX.
"""

import time
from collections.abc import Iterable

import numpy as np

from odes_rl.rollouts.board import Board
from odes_rl.rollouts.protocol import EnvironmentFailure

FUTILE_DEATHS = 10
"""Workers that one episode may cost."""
_LOOKS = 8
"""Looks at the board within a deadline; a hang is found a look late at the most."""


class HangWatch:
    """Finds workers that neither claim a unit nor take an environment step for `deadline` seconds; None never does.

    Attributes:
        pause: seconds between two looks at the board, None if nobody need look.
    """

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline
        self.pause = None if deadline is None else deadline / _LOOKS
        self._last_look = time.monotonic()
        self._still: dict[int, tuple[tuple[int, int], float]] = {}

    def hung(self, board: Board, workers: Iterable[int]) -> set[int]:
        """Those of `workers`, which have work to do, that have made no progress for the deadline.

        Looks at the board once in `pause` seconds, however often it is asked. A pause of the whole machine counts as
        one look: workers had no chance to step meanwhile.
        """
        if self.deadline is None or self.pause is None:
            return set()
        now = time.monotonic()
        passed = min(now - self._last_look, 2 * self.pause)
        if passed < self.pause:
            return set()
        self._last_look = now
        self._still = {worker: self._look(board, worker, passed) for worker in workers}
        return {worker for worker, (_, seconds) in self._still.items() if seconds >= self.deadline}

    def note(self, worker: int) -> None:
        """`worker` has shown a sign of life, or has been replaced."""
        self._still.pop(worker, None)

    def _look(self, board: Board, worker: int, passed: float) -> tuple[tuple[int, int], float]:
        progress = board.progress(worker)
        before, seconds = self._still.get(worker, (None, 0.0))
        return progress, seconds + passed if progress == before else 0.0


class DeathToll:
    """Counts, within one evaluation, workers that died in an episode or before they claimed one.

    Occasional deaths do not stop a run. An episode that kills every worker that runs it does.
    """

    def __init__(self, task: str, board: Board, workers: int, deadline: float | None) -> None:
        self.task = task
        self.board = board
        self.workers = workers
        self.deadline = deadline
        self.total = 0
        self._episodes = np.zeros(board.seeds.shape, np.int64)
        self._idle = self._finished = 0

    def count(self, worker: int, *, hung: bool) -> None:
        """Count the death of `worker`, which still has its claims.

        Raises:
            EnvironmentFailure: if an episode has ended too many workers, or none comes so far as to claim one.
        """
        self.total += 1
        units = self.board.unfinished(worker)
        self._episodes += units
        if units.any():
            unit = np.unravel_index(np.where(units, self._episodes, 0).argmax(), units.shape)
            deaths, limit, seed = self._episodes[unit], FUTILE_DEATHS, int(self.board.seeds[unit])
            what = f"on {self.task} with an episode of seed {seed}"
        else:
            deaths, limit = self._count_idle(), FUTILE_DEATHS * self.workers  # all may die at once
            what = f"on {self.task}"
        if deaths > limit:
            raise EnvironmentFailure(f"workers {what} died {deaths} times in a row {self._reason(hung=hung)}")

    def _count_idle(self) -> int:
        finished = int(self.board.done.sum())
        self._idle = self._idle + 1 if finished == self._finished else 1
        self._finished = finished
        return self._idle

    def _reason(self, *, hung: bool) -> str:
        if not hung:
            return "without finishing an episode; see their messages on standard error"
        return (
            f"without finishing an episode: they took no environment step within rollouts.deadline, {self.deadline:g} "
            f"seconds, and were killed; if a step or the creation of the environment takes longer, increase it: "
            f"--rollouts.deadline {10 * (self.deadline or 0):g}"
        )
