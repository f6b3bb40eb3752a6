"""Threads that share a backend: all their requests at once, one thread at a time, to the end of each."""

import threading

import numpy as np
import pytest

from odes_rl.rollouts.meeting import Meeting
from odes_rl.rollouts.protocol import Moments


class Recording:
    """A backend whose answers are the requests' weights; it keeps what it was asked and told."""

    def __init__(self, failing=None):
        self.asked, self.foreseen, self.failing = [], [], failing

    def foresee(self, episode_seeds):
        self.foreseen.append(episode_seeds.tolist())

    def evaluate_all(self, requests, parties):
        self.asked.append((sorted(request.weights for request in requests), parties))
        if len(self.asked) == self.failing:
            raise OSError("no more")
        return [request.weights for request in requests]


def meet(backend, counts):
    """What a thread for each of `counts` gets for that many requests, or what it raised."""
    meeting, answers = Meeting(backend, len(counts)), {}

    def follow(name, count):
        with meeting.seat() as seat:
            answers[name] = []
            try:
                for number in range(count):
                    seat.foresee(np.array([[name, number]]))
                    answers[name].append(seat.evaluate((name, number), Moments.empty(1), np.zeros((1, 1))))
            except OSError as error:
                answers[name] = str(error)

    threads = [threading.Thread(target=follow, args=each) for each in enumerate(counts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)
    return answers


def test_each_gets_the_answer_to_its_own_request_and_all_are_asked_together():
    backend = Recording()
    answers = meet(backend, [3, 3, 3])
    assert answers == {name: [(name, number) for number in range(3)] for name in range(3)}
    assert backend.asked == [([(name, number) for name in range(3)], 3) for number in range(3)]
    assert [len(seeds) for seeds in backend.foreseen] == [6, 6, 6]


def test_nobody_waits_for_one_that_has_left():
    backend = Recording()
    assert [len(answers) for _, answers in sorted(meet(backend, [1, 3, 0]).items())] == [1, 3, 0]
    assert [requests for requests, _ in backend.asked][-1] == [(1, 2)]


def test_what_the_backend_raises_reaches_all():
    assert meet(Recording(failing=2), [3, 3]) == {0: "no more", 1: "no more"}


@pytest.mark.parametrize("parties", [1, 2])
def test_a_backend_that_cannot_join_requests_gets_one_after_another(parties):
    class Plain:
        def evaluate(self, weights, statistics, episode_seeds, steps=None):
            return weights

    assert meet(Plain(), [2] * parties) == {name: [(name, 0), (name, 1)] for name in range(parties)}
