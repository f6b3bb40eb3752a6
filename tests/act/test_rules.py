"""What holds of every act rule: its two forms agree, in NumPy, in JAX and compiled."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.act import ACT_RULES
from tests.act_weights import MAKERS, rule_weights

SIZES = {  # h, n, m, L
    "half cheetah": (16, 17, 6, 5),
    "humanoid": (64, 348, 17, 5),
    "humanoid, deep": (64, 348, 17, 25),
    "one hidden entry": (1, 3, 2, 4),
    "one of each": (1, 1, 1, 1),
}


CASES = [(name, size) for name in ACT_RULES for size in SIZES if "deep" not in size]


def make_weights(name, size, seed=0):
    return rule_weights(name, SIZES[size], seed)


def make_observations(size, count=3):
    return np.random.default_rng(7).normal(size=(count, SIZES[size][1])).astype(np.float32)


def run_kernel(name, weights, observation, size):
    action = np.full(SIZES[size][2], 99, np.float32)
    ACT_RULES[name].kernel(weights, observation, action)
    return action


@functools.cache
def jax_form(name):
    return jax.jit(ACT_RULES[name].array)


def test_every_rules_weights_can_be_made_here():
    assert {rule.weights for rule in ACT_RULES.values()} == MAKERS.keys()


@pytest.mark.parametrize(("name", "size"), CASES)
def test_the_kernel_equals_the_array_form_in_numpy_and_in_jax(name, size):
    weights = make_weights(name, size)
    for observation in make_observations(size):
        compiled = run_kernel(name, weights, observation, size)
        reference = ACT_RULES[name].array(weights, observation)
        device = np.asarray(jax_form(name)(jax.tree.map(jnp.asarray, weights), jnp.asarray(observation)))
        assert reference.dtype == device.dtype == np.float32
        assert compiled.shape == reference.shape == device.shape == (SIZES[size][2],)
        largest = np.abs(reference).max()
        assert largest > 0
        assert np.abs(compiled - reference).max() <= 1e-5 * largest
        assert np.abs(compiled - device).max() <= 1e-5 * largest


@pytest.mark.parametrize("name", ACT_RULES)
def test_the_kernel_follows_a_float64_reference(name):
    size = "humanoid, deep"
    weights, observation = make_weights(name, size), make_observations(size)[0]
    exact = ACT_RULES[name].array(
        type(weights)(*(leaf.astype(np.float64) for leaf in weights)), observation.astype(np.float64)
    )
    error = np.abs(run_kernel(name, weights, observation, size) - exact).max()
    assert error <= 1e-5 * np.abs(exact).max()


@pytest.mark.parametrize("name", ACT_RULES)
def test_leading_axes_are_candidates_each_with_weights_of_its_own(name):
    candidates = [make_weights(name, "half cheetah", seed) for seed in range(3)]
    batch = type(candidates[0])(*(np.stack(leaves) for leaves in zip(*candidates, strict=True)))
    observations = make_observations("half cheetah")
    together = ACT_RULES[name].array(batch, observations)
    assert together.shape == (3, SIZES["half cheetah"][2])
    for i, weights in enumerate(candidates):
        alone = ACT_RULES[name].array(weights, observations[i])
        np.testing.assert_allclose(together[i], alone, rtol=1e-5, atol=1e-6)
    assert np.abs(together[0] - together[1]).max() > 1e-2


@pytest.mark.parametrize("name", ACT_RULES)
def test_the_kernel_changes_neither_weights_nor_observation(name):
    weights, observation = make_weights(name, "half cheetah"), make_observations("half cheetah")[0]
    first = run_kernel(name, weights, observation, "half cheetah")
    np.testing.assert_array_equal(observation, make_observations("half cheetah")[0])
    for left, right in zip(weights, make_weights(name, "half cheetah"), strict=True):
        np.testing.assert_array_equal(left, right)
    np.testing.assert_array_equal(first, run_kernel(name, weights, observation, "half cheetah"))


@pytest.mark.parametrize("name", ACT_RULES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_observation_makes_an_action_that_is_not_finite(name, bad):
    observation = make_observations("half cheetah")[0]
    observation[4] = bad
    weights = make_weights(name, "half cheetah")
    assert not np.isfinite(run_kernel(name, weights, observation, "half cheetah")).all()


@pytest.mark.parametrize("name", ACT_RULES)
def test_nan_in_any_weight_reaches_the_action(name):
    for field in ACT_RULES[name].weights._fields:
        weights = make_weights(name, "half cheetah")
        getattr(weights, field).reshape(-1)[0] = np.nan
        action = run_kernel(name, weights, make_observations("half cheetah")[0], "half cheetah")
        assert np.isnan(action).any(), field


@pytest.mark.parametrize("name", ACT_RULES)
@pytest.mark.parametrize("bad", [np.inf, -np.inf])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_infinite_weights_mean_the_same_in_both_forms(name, bad):
    observation = make_observations("half cheetah")[0]
    for field in ACT_RULES[name].weights._fields:
        weights = make_weights(name, "half cheetah")
        getattr(weights, field).reshape(-1)[0] = bad
        compiled = np.isfinite(run_kernel(name, weights, observation, "half cheetah")).all()
        assert compiled == np.isfinite(ACT_RULES[name].array(weights, observation)).all(), field
