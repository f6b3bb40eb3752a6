"""Steps of MJX beside those of the environments themselves, from the same states."""

import numpy as np
import pytest

from odes_rl.rollouts.environments import describe_task
from odes_rl.rollouts.protocol import EpisodeSettings, Moments
from odes_rl.rollouts.serial import SerialBackend
from odes_rl.simulation.making import make_backend
from odes_rl.simulation.parity import measure_parity
from tests.simulation.tasks import EXCEPTIONS, PRECISE, SINGLE, TASKS, steady_policy


def check_parity(task, steps):
    precise, single = EXCEPTIONS.get(task, (PRECISE, SINGLE))
    found = measure_parity(task, steps)
    for name, bound in (("float64", precise), ("float32", single)):
        parity = found[name]
        assert parity.steps == steps
        assert max(parity.observation, parity.reward) < bound, (task, name, parity)
        assert parity.ends == 0, (task, name, parity)
    return found


def test_a_step_is_that_of_the_environment():
    assert check_parity("InvertedPendulum-v5", 60)["float64"].over > 0


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_step_of_every_task_is_that_of_its_environment(task):
    check_parity(task, 200)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["InvertedPendulum-v5", "Hopper-v5", "dm_control/cheetah-run-v0"])
def test_returns_have_the_distribution_of_those_of_the_environment(task):
    settings = EpisodeSettings(task, 100, "linear", "tanh")
    weights, statistics = steady_policy(task), Moments.empty(describe_task(task).observation_size)
    seeds = np.random.default_rng(0).integers(0, 2**31, (1, 100))
    with make_backend(settings, 100) as device, SerialBackend(settings) as serial:
        ours, theirs = (backend.evaluate(weights, statistics, seeds) for backend in (device, serial))
    error = theirs.returns.std(ddof=1) / 10
    assert not ours.failed.any()
    assert abs(ours.returns.mean() - theirs.returns.mean()) < 2 * error
    assert error < 0.1 * abs(theirs.returns.mean())
