"""Who hangs, and which episodes end their workers: as the trainer keeps count of it, by a clock of our own."""

import numpy as np
import pytest

from odes_rl.rollouts import watch
from odes_rl.rollouts.board import Layout
from odes_rl.rollouts.protocol import EnvironmentFailure, Moments
from odes_rl.rollouts.watch import FUTILE_DEATHS, DeathToll, HangWatch

LAYOUT = Layout(candidates=3, episodes=2, observation_size=1, weights=((3, 1),))
DEADLINE = 8.0


@pytest.fixture
def board():
    board = LAYOUT.place(bytearray(LAYOUT.size()))
    seeds = np.arange(10, 16).reshape(3, 2)
    board.post([np.zeros((3, 1), np.float32)], Moments.empty(1), seeds)
    return board


@pytest.fixture
def clock(monkeypatch):
    """A list whose one entry is the time."""
    now = [100.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: now[0])
    return now


def hung_after(looks, guard, board, clock, workers=(0, 1)):
    """Who hangs after that many looks."""
    found = set()
    for _ in range(looks):
        clock[0] += guard.pause
        found = guard.hung(board, workers)
    return found


def test_a_worker_without_a_step_for_the_deadline_hangs_and_one_that_steps_does_not(board, clock):
    guard = HangWatch(DEADLINE)
    assert [board.claim(0), board.claim(1)] == [0, 1]
    for _ in range(8):
        assert not hung_after(1, guard, board, clock)
        board.lengths[0, 1] += 1
    assert hung_after(1, guard, board, clock) == {0}


def test_a_claim_and_a_sign_of_life_are_progress(board, clock):
    guard = HangWatch(DEADLINE)
    assert not hung_after(8, guard, board, clock)
    board.claim(0)
    guard.note(1)
    assert not hung_after(8, guard, board, clock)
    assert hung_after(1, guard, board, clock) == {0, 1}


def test_a_worker_that_has_no_work_is_not_watched(board, clock):
    guard = HangWatch(DEADLINE)
    assert hung_after(9, guard, board, clock, workers=[1]) == {1}
    assert not hung_after(8, guard, board, clock, workers=[0])


def test_asking_more_often_and_sleeping_with_the_machine_change_nothing(board, clock):
    guard = HangWatch(DEADLINE)
    assert not hung_after(2, guard, board, clock)
    for _ in range(50):
        clock[0] += 0.001
        assert not guard.hung(board, [0, 1])
    clock[0] += 10_000
    assert not guard.hung(board, [0, 1])
    assert hung_after(9, guard, board, clock) == {0, 1}


def test_without_a_deadline_nobody_hangs(board, clock):
    guard = HangWatch(None)
    clock[0] += 10**9
    assert guard.pause is None
    assert not guard.hung(board, [0, 1])


def test_progress_forgets_the_steps_of_a_generation_before_and_of_a_worker_that_died(board):
    board.claim(0)
    board.lengths[0, 0] = 7
    assert board.progress(0) == (1, 7)
    board.release(0)
    board.claim(1)
    assert board.progress(1) == (1, 0)
    assert board.progress(0) == (0, 0)


def test_an_episode_that_ends_its_workers_is_named_by_its_seed(board):
    toll = DeathToll("Task-v0", board, 4, DEADLINE)
    assert [board.claim(3), board.claim(2)] == [0, 1]
    for _ in range(FUTILE_DEATHS):
        toll.count(2, hung=False)
    with pytest.raises(EnvironmentFailure, match=r"Task-v0 with an episode of seed 11 died 11 times in a row without"):
        toll.count(2, hung=False)
    toll.count(3, hung=False)
    assert toll.total == FUTILE_DEATHS + 2


def test_hanging_on_an_episode_names_the_option(board):
    toll = DeathToll("Task-v0", board, 1, DEADLINE)
    board.claim(0)
    for _ in range(FUTILE_DEATHS):
        toll.count(0, hung=True)
    with pytest.raises(EnvironmentFailure, match=r"within rollouts\.deadline, 8 seconds.*--rollouts\.deadline 80"):
        toll.count(0, hung=True)


def test_many_workers_that_die_at_once_before_they_claimed_anything_stop_no_run(board):
    toll = DeathToll("Task-v0", board, 40, None)
    for worker in range(40 * FUTILE_DEATHS):
        toll.count(worker % 40, hung=False)
    with pytest.raises(EnvironmentFailure, match="workers on Task-v0 died 401 times"):
        toll.count(0, hung=False)
    board.claim(0)
    board.done[0, 0] = True
    toll.count(0, hung=False)
