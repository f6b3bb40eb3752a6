"""Actions computed by the trainer for all its workers at once, as on an accelerator. Free of JAX.

Each worker's lanes are two halves. Once all workers have told what the environments of a half observe, one call
answers them, while the workers step the other half.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from odes_rl.rollouts.board import Board

HALVES = (0, 1)


class Actor(Protocol):
    """Acts for a generation's candidates."""

    def bind(self, weights: Any) -> None:
        """Take the candidates' weights, leaves [C, …]."""
        ...

    def act(self, half: int, candidates: np.ndarray, observations: np.ndarray) -> np.ndarray:
        """[S, m] float32: what the act rule makes of observations [S, n] float32 of `candidates` [S]."""
        ...


class Inference:
    """Who waits for which actions, and their answers."""

    def __init__(self, actor: Actor, workers: int, lanes: int, action_size: int) -> None:
        self.actor = actor
        self.shape = (workers, lanes)
        self.slots = (workers * lanes, action_size)

    def begin(self, weights: Any, board: Board) -> None:
        """Begin a generation."""
        self.actor.bind(weights)
        self.board = board
        self.stepping: tuple[set[int], set[int]] = set(), set()
        self.asking: tuple[set[int], set[int]] = set(), set()

    def started(self, worker: int) -> None:
        """Called when `worker` starts on the board, for the first time or as a replacement."""
        self.ended(worker)
        for half in HALVES:
            self.stepping[half].add(worker)

    def ended(self, worker: int) -> None:
        """`worker` has died, or nothing is left for it."""
        for half in HALVES:
            self.stepping[half].discard(worker)
            self.asking[half].discard(worker)

    def told(self, worker: int, half: int, running: bool) -> None:
        """Observations of that half of `worker` are on the board, if its episodes are running."""
        self.stepping[half].discard(worker)
        if running:
            self.asking[half].add(worker)

    def answer(self, send: Callable[[int, int], None]) -> set[int]:
        """Answer each half that nobody is stepping any more; `send(worker, half)` tells those who asked.

        Returns the workers that wait for others now.
        """
        for half in HALVES:
            if self.asking[half] and not self.stepping[half]:
                self._write_answers(half)
                asking = sorted(self.asking[half])
                self.stepping[half].update(asking)
                self.asking[half].clear()
                for worker in asking:
                    send(worker, half)
        return set.union(*self.asking) - set.union(*self.stepping)

    def _write_answers(self, half: int) -> None:
        units, observations, answers = (
            self._rows(half, array) for array in (self.board.units, self.board.observations, self.board.answers)
        )
        candidates = np.maximum(units, 0) // self.board.seeds.shape[1]  # a slot without a unit may ask what it likes
        rows = observations.reshape(-1, observations.shape[-1])
        answers[...] = self.actor.act(half, candidates.reshape(-1), rows).reshape(answers.shape)

    def _rows(self, half: int, array: np.ndarray) -> np.ndarray:
        """[workers, lanes / 2, …]: that half of an array with an entry for each slot."""
        workers, lanes = self.shape
        return array.reshape(workers, lanes, *array.shape[1:])[:, half * lanes // 2 : (half + 1) * lanes // 2]
