"""Steps of MJX beside those of the environments themselves, from the same states."""

import numpy as np
import pytest

from odes_rl.simulation.parity import measure_parity
from odes_rl.simulation.returns import measure_returns
from tests.simulation.tasks import EXCEPTIONS, PRECISE, SINGLE, TASKS

RETURNS = (
    *("Ant-v5", "HalfCheetah-v5", "Hopper-v5", "Humanoid-v5", "InvertedPendulum-v5", "Reacher-v5", "Swimmer-v5"),
    *("Walker2d-v5", "dm_control/cartpole-swingup-v0", "dm_control/cheetah-run-v0", "dm_control/walker-walk-v0"),
)
"""Tasks whose returns are compared."""


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
@pytest.mark.parametrize("task", ["Humanoid-v5", "HumanoidStandup-v5"])
def test_with_the_same_solver_a_step_is_that_of_the_environment_to_its_digits(task):
    parity = measure_parity(task, 200, both_edited=True)["float64"]
    assert max(parity.observation, parity.reward) < PRECISE
    assert parity.ends == 0


@pytest.mark.slow
@pytest.mark.parametrize("task", RETURNS)
def test_returns_have_the_distribution_of_those_of_the_environment(task):
    found = measure_returns(task)
    mjx, environment = found.means
    assert np.isfinite(found.mjx).all()  # none failed
    assert abs(mjx - environment) < 2 * found.standard_error
    if task == "Swimmer-v5":  # its mean is nearly 0, and says little: the two returns from each start must agree
        assert found.median_difference < 1e-3 * found.environment.std()
    else:
        assert found.standard_error < 0.1 * abs(environment)
