"""Actions computed by the trainer: the same episodes, but for the last digits of an action."""

import os
import signal

import numpy as np
import pytest
from rollout_cases import WALK, questions
from rollout_cases import settings as make_settings

from odes_rl.rollouts.board import Layout
from odes_rl.rollouts.inference import Inference
from odes_rl.rollouts.processes import ProcessesBackend
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.rollouts.serial import SerialBackend
from odes_rl.training.device_actor import DeviceActor

pytestmark = pytest.mark.filterwarnings("ignore")
TASKS = {"Swimmer-v5": 20, "Hopper-v5": 200, "dm_control/cheetah-run-v0": 15, "Pendulum-v1": 15}
"""Native ones, one that falls, and one that goes through its own step."""


def device_backend(settings, workers, lanes, deadline=60.0):
    return ProcessesBackend(settings, workers, lanes, deadline, DeviceActor(settings.act_rule))


def assert_close(left, right, tolerance=1e-3):
    np.testing.assert_array_equal(left.lengths, right.lengths)
    np.testing.assert_array_equal(left.failed, right.failed)
    np.testing.assert_allclose(left.returns, right.returns, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(left.saturated, right.saturated, atol=0.05)
    for mine, theirs in zip(left.moments, right.moments, strict=True):
        assert mine.count == theirs.count
        np.testing.assert_allclose(mine.mean, theirs.mean, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("task", TASKS)
def test_the_device_acts_as_workers_do(task):
    settings, asked = make_settings(task, TASKS[task]), questions(task, 5, 2)
    with SerialBackend(settings) as serial:
        expected = serial.evaluate(*asked)
    with device_backend(settings, workers=2, lanes=3) as backend:
        assert_close(backend.evaluate(*asked), expected)
    assert np.ptp(expected.returns) > 1e-3


@pytest.mark.parametrize(("workers", "lanes"), [(1, 1), (1, 2), (2, 8), (3, 5)])
def test_any_number_of_workers_and_lanes(workers, lanes):
    settings, asked = make_settings(WALK), questions(WALK, 4, 3)
    with SerialBackend(settings) as serial:
        expected = serial.evaluate(*asked)
    with device_backend(settings, workers, lanes) as backend:
        for _ in range(2):
            assert_close(backend.evaluate(*asked), expected, 1e-5)


def test_one_candidate_fills_all_lanes():
    settings, asked = make_settings(WALK), questions(WALK, 1, 9)
    with SerialBackend(settings) as serial, device_backend(settings, 2, 4) as backend:
        assert_close(backend.evaluate(*asked), serial.evaluate(*asked), 1e-5)


def test_a_candidate_whose_actions_are_not_finite_fails_alone():
    weights, statistics, seeds = questions(WALK, 4, 2)
    weights.output[1] = np.nan
    with device_backend(make_settings(WALK), 2, 4) as backend:
        found = backend.evaluate(weights, statistics, seeds)
    assert found.failed.tolist() == [[False] * 2, [True] * 2, [False] * 2, [False] * 2]


def test_workers_killed_in_mid_episode_are_replaced(faults, asked, expected):
    faults.write_text("2")
    with device_backend(make_settings("faulty_environments:Killed-v0"), 2, 4) as backend:
        found = backend.evaluate(*asked)
        assert_close(found, expected, 1e-5)
        assert found.restarts >= 1
        assert backend.evaluate(*asked).restarts == 0


def test_a_worker_that_hangs_is_replaced_and_those_that_wait_for_it_are_not():
    settings, asked = make_settings("HalfCheetah-v5", 30), questions("HalfCheetah-v5", 8, 2)
    with device_backend(settings, 2, 4, deadline=8.0) as backend:
        expected = backend.evaluate(*asked)
        os.kill(backend.workers[1].process.pid, signal.SIGSTOP)
        found = backend.evaluate(*asked)
        assert found.restarts == 1
        assert_close(found, expected)


def test_an_environment_that_raises_stops_the_generation():
    settings = make_settings("faulty_environments:RaisingInStep-v0")
    with device_backend(settings, 2, 2) as backend, pytest.raises(EnvironmentFailure, match="step went wrong"):
        backend.evaluate(*questions(WALK, 3, 1))


class Recorder:
    """An actor that writes down what it is asked, and answers with the candidates' numbers."""

    def __init__(self):
        self.asked = []

    def bind(self, weights):
        self.weights = weights

    def act(self, half, candidates, observations):
        self.asked.append((half, candidates.tolist()))
        return np.repeat(candidates[:, None], 2, axis=1).astype(np.float32)


def test_a_half_is_answered_when_nobody_steps_it_any_more():
    actor = Recorder()
    inference = Inference(actor, workers=2, lanes=3, action_size=2)
    layout = Layout(4, 2, 5, (), inference.slots)
    board = layout.place(bytearray(layout.size()))
    board.units[:] = [0, 2, 4, 6, -1, 7]
    inference.begin((), board)
    sent = []

    def answer():
        return inference.answer(lambda worker, half: sent.append((worker, half)))

    for worker in (0, 1):
        inference.started(worker)
    inference.told(0, 1, True)
    inference.told(0, 0, True)
    assert answer() == {0}
    assert not sent
    inference.told(1, 1, False)
    assert answer() == set()  # its second half steps again
    assert sent == [(0, 1)]
    assert actor.asked == [(1, [1, 2, 0, 3])]
    assert board.answers[:, 0].tolist() == [0, 1, 2, 0, 0, 3]
    inference.ended(1)
    answer()
    assert sent == [(0, 1), (0, 0)]
