"""Theorem 1: both ascents stay on the manifolds and climb, the least gradient norm never grows, and tasks are exact."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.envs.classic_control.pendulum import PendulumEnv

from odes_rl.policies import OdeToOdeConfig, make_policy
from odes_rl_studies.ascents import ascend, smoothed_gradient
from odes_rl_studies.smooth_tasks import MOST_COST, TASKS, mean_return
from odes_rl_studies.theorem1 import Theorem1Config, least, slope

CONFIG = Theorem1Config(
    directory="unused", seeds=2, iterations=40, horizon=10, hidden=6, population=32, draws=8, starts=2
)


@pytest.fixture(scope="module")
def ascent():
    return ascend(5, "point mass", "exact", CONFIG)


def test_the_least_gradient_norm_never_grows(ascent):
    falling = least(ascent.squares)
    assert falling.shape == (2, 40)
    assert (np.diff(falling, axis=1) <= 0).all()
    assert (falling <= ascent.squares).all()
    assert (falling[:, -1] < falling[:, 0]).all()


def test_an_exact_ascent_climbs_on_its_manifolds_without_noise(ascent):
    check_climbs(ascent)
    assert (ascent.noise == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_an_estimated_ascent_climbs_on_its_manifolds_with_noise(task):
    found = ascend(3, task, "estimated", CONFIG)
    check_climbs(found)
    assert (found.noise > 0.1).all()


def check_climbs(found):
    assert (found.returns[:, -1] > found.returns[:, 0]).all()
    assert ((found.returns > 0) & (found.returns < 1)).all()
    assert (found.violations < 1e-5).all()


def test_a_quadratics_smoothed_gradient_is_its_own():
    params = {"a": jnp.array([1.0, -2.0]), "b": jnp.array([[3.0]])}
    found = smoothed_gradient(
        lambda p: jnp.sum(p["a"] ** 2) + p["a"][0] * p["b"][0, 0], params, jax.random.key(0), 0.5, 4
    )
    np.testing.assert_allclose(found["a"], [5.0, -4.0], rtol=1e-5)
    np.testing.assert_allclose(found["b"], [[1.0]], rtol=1e-5)


def test_a_waves_smoothed_gradient_is_damped():
    found = smoothed_gradient(jnp.sin, jnp.array(0.3), jax.random.key(0), 0.5, 20000)
    assert found == pytest.approx(np.exp(-(0.5**2) / 2) * np.cos(0.3), abs=0.01)


def test_the_pendulum_is_gymnasiums():
    environment = PendulumEnv()
    environment.reset(seed=0)
    generator = np.random.default_rng(0)
    for _ in range(20):
        start, action = generator.uniform([-4, -8], [4, 8]), generator.uniform(-1, 1, 1)
        environment.state = start
        observation, reward, *_ = environment.step(np.float32(2 * action))
        state, told = TASKS["pendulum"].advance(jnp.asarray(start, jnp.float32)[None], jnp.asarray(action)[None])
        np.testing.assert_allclose(TASKS["pendulum"].observe(state)[0], observation, atol=1e-4)
        np.testing.assert_allclose(told[0], 1 + float(reward) / MOST_COST, atol=1e-4)


def test_a_power_law_has_its_slope():
    assert slope(3 * np.arange(1, 101) ** -0.5) == pytest.approx(-0.5)


def test_rest_at_the_goal_is_the_best_there_is():
    policy = make_policy(OdeToOdeConfig(hidden=6, steps=5, activation="tanh"), 4, 2)
    params = policy.init(jax.random.key(0))
    found = mean_return(policy, TASKS["point mass"], params, jnp.zeros((3, 4)), 7)
    assert found == pytest.approx(1.0)
