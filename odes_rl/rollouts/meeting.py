"""One backend for several threads, whose episodes are run together. Free of JAX."""

import threading
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from odes_rl.interrupts import check_interrupted
from odes_rl.rollouts.protocol import Foreseeing, Joining, Moments, Request, RolloutBackend, Rollouts

_LOOK_SECONDS = 0.2
"""Between two looks at whether a signal has come, while a thread waits for the others."""


class Meeting:
    """Answers the requests of `parties` threads at once, when all that are still there have asked.

    Only one of the threads runs at any time, the others wait: what they compute does not depend on who is faster.
    """

    def __init__(self, backend: RolloutBackend, parties: int) -> None:
        self.backend = backend
        self.parties = parties
        self._present = parties
        self._seats = 0
        self._turn = threading.Condition()
        self._asked: dict[Seat, Request] = {}
        self._foreseen: dict[Seat, np.ndarray] = {}
        self._answers: dict[Seat, Rollouts | BaseException] = {}

    def seat(self) -> "Seat":
        """The place of one thread, which enters and leaves it. Requests are answered in the order of the places."""
        self._seats += 1
        return Seat(self, self._seats)

    def enter(self) -> None:
        """Wait for the thread's first turn."""
        self._turn.acquire()

    def leave(self, seat: "Seat") -> None:
        """The thread of `seat` asks nothing more."""
        self._present -= 1
        self._foreseen.pop(seat, None)
        self._answer_if_all_asked()
        self._turn.release()

    def foresee(self, seat: "Seat", episode_seeds: np.ndarray) -> None:
        """See `Foreseeing`."""
        self._foreseen[seat] = episode_seeds.reshape(-1)

    def ask(self, seat: "Seat", request: Request) -> Rollouts:
        """The answer to `request`, once all have asked; meanwhile the other threads have their turns."""
        self._asked[seat] = request
        try:
            self._answer_if_all_asked()
            while seat not in self._answers:
                self._turn.wait(_LOOK_SECONDS)
                check_interrupted()
        finally:
            self._asked.pop(seat, None)
        answer = self._answers.pop(seat)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _answer_if_all_asked(self) -> None:
        if not self._asked or len(self._asked) < self._present:
            return
        seats = sorted(self._asked, key=lambda seat: seat.number)
        requests = [self._asked[seat] for seat in seats]
        self._asked.clear()
        try:
            answers: Sequence[Rollouts | BaseException] = self._evaluate(requests)
        except BaseException as error:  # each thread has its own run to save
            answers = [error] * len(seats)
        self._answers.update(zip(seats, answers, strict=True))
        self._turn.notify_all()

    def _evaluate(self, requests: Sequence[Request]) -> list[Rollouts]:
        if isinstance(self.backend, Foreseeing) and self._foreseen:
            self.backend.foresee(np.concatenate(list(self._foreseen.values())))
        if isinstance(self.backend, Joining):
            return self.backend.evaluate_all(requests, self.parties)
        return [self.backend.evaluate(*request) for request in requests]


class Seat:
    """The backend of one of the threads; a context manager, inside which it has its turns."""

    def __init__(self, meeting: Meeting, number: int) -> None:
        self._meeting, self.number = meeting, number

    def foresee(self, episode_seeds: np.ndarray) -> None:
        """See `Foreseeing`."""
        self._meeting.foresee(self, episode_seeds)

    def evaluate(
        self, weights: Any, statistics: Moments, episode_seeds: np.ndarray, steps: int | None = None
    ) -> Rollouts:
        """See `RolloutBackend.evaluate`."""
        return self._meeting.ask(self, Request(weights, statistics, episode_seeds, steps))

    def __enter__(self) -> Self:
        self._meeting.enter()
        return self

    def __exit__(self, *exception: object) -> None:
        self._meeting.leave(self)
