"""Rewards' words in JAX, beside those in NumPy; readers of data."""

import numpy as np
import pytest

from odes_rl.rollouts.environments import make_environment
from odes_rl.rollouts.flattening import flattener
from odes_rl.rollouts.physics.finding import describe_physics
from odes_rl.rollouts.physics.words import NUMPY
from odes_rl.simulation.reading import read
from odes_rl.simulation.words import JAX, SIGMOIDS


@pytest.mark.parametrize("sigmoid", SIGMOIDS)
@pytest.mark.parametrize(("bounds", "margin"), [((0.0, 0.0), 1.0), ((-1.0, 2.0), 3.0), ((1.0, np.inf), 0.5)])
@pytest.mark.parametrize("value", [0.1, 0.5])
def test_tolerance_is_that_of_dm_control(sigmoid, bounds, margin, value):
    x = np.linspace(-8, 8, 81)
    ours, theirs = (words.tolerance(x, bounds, margin, sigmoid, value) for words in (JAX, NUMPY))
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_without_a_margin_only_the_bounds_count():
    x = np.linspace(-2, 2, 9)
    np.testing.assert_array_equal(JAX.tolerance(x, (-1.0, 1.0)), NUMPY.tolerance(x, (-1.0, 1.0)))


def test_the_other_words_are_those_of_numpy():
    rows = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(JAX.norm(rows), NUMPY.norm(rows), rtol=1e-6)
    np.testing.assert_allclose(JAX.square(rows[:, 0]), NUMPY.square(rows[:, 0]), rtol=1e-6)
    np.testing.assert_allclose(
        JAX.each(lambda row: row.sum(), rows), NUMPY.each(lambda row: row.sum(), rows), rtol=1e-5
    )


@pytest.mark.parametrize(
    "task", ["Hopper-v5", "Reacher-v5", "dm_control/swimmer-swimmer6-v0", "dm_control/finger-turn_hard-v0"]
)
def test_what_is_read_after_a_reset_is_what_the_environment_observes(task):
    environment = make_environment(task)
    physics = describe_physics(environment)
    assert physics is not None
    observed, _ = environment.reset(seed=3)
    flat = flattener(environment.observation_space)(observed)
    np.testing.assert_allclose(read(np, physics.data, physics.description.observation), flat, atol=1e-12)
