"""Theorem 1: the ascent stays on the manifolds, climbs, and the least gradient norm never grows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.policies import OdeToOdeConfig, make_policy
from odes_rl_studies.theorem1 import Theorem1Config, ascend, least, mean_return, slope


@pytest.fixture(scope="module")
def ascent():
    return ascend(5, Theorem1Config(directory="unused", seeds=2, iterations=40, horizon=10, hidden=6))


def test_the_least_gradient_norm_never_grows(ascent):
    falling = least(ascent.squares)
    assert falling.shape == (2, 40)
    assert (np.diff(falling, axis=1) <= 0).all()
    assert (falling <= ascent.squares).all()
    assert (falling[:, -1] < falling[:, 0]).all()


def test_parameters_stay_on_their_manifolds(ascent):
    assert (ascent.violations < 1e-5).all()


def test_returns_rise_within_their_bounds(ascent):
    assert (ascent.returns[:, -1] > ascent.returns[:, 0]).all()
    assert ((ascent.returns > 0) & (ascent.returns < 1)).all()


def test_a_power_law_has_its_slope():
    assert slope(3 * np.arange(1, 101) ** -0.5) == pytest.approx(-0.5)


def test_rest_at_the_goal_is_the_best_there_is():
    policy = make_policy(OdeToOdeConfig(hidden=6, steps=5, activation="tanh"), 4, 2)
    params = policy.init(jax.random.key(0))
    assert mean_return(policy, params, jnp.zeros((3, 4)), 7) == pytest.approx(1.0)
