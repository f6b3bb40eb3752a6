"""Trigonometric weights against the formula, and what their options do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.flows.trajectories.constant import constant
from odes_rl.flows.trajectories.trigonometric import basis, trigonometric

TIMES = jnp.array([0.0, 0.3, 1.0])


def test_weights_are_the_polynomial_written_out():
    trajectory = trigonometric(2, degree=3)
    params = trajectory.init(jax.random.key(0))
    c = np.asarray(params["coefficients"])
    assert c.shape == (7, 2, 2)
    for W, t in zip(trajectory.weights(params, TIMES), np.asarray(TIMES), strict=True):
        terms = (c[n] * np.cos(n * t) + c[3 + n] * np.sin(n * t) for n in (1, 2, 3))
        np.testing.assert_allclose(W, c[0] + sum(terms), atol=1e-6)


def test_degree_0_is_the_constant_trajectory():
    W = jnp.arange(4.0).reshape(2, 2)
    weights = trigonometric(2, degree=0).weights({"coefficients": W[None]}, TIMES)
    np.testing.assert_array_equal(weights, constant(2).weights({"W": W}, TIMES))


def test_weights_repeat_after_the_period_only_if_one_is_given():
    params = trigonometric(2).init(jax.random.key(1))
    start, _, end = trigonometric(2, period=1.0).weights(params, TIMES)
    np.testing.assert_allclose(start, end, atol=1e-5)
    start, _, end = trigonometric(2).weights(params, TIMES)
    assert np.abs(start - end).max() > 0.1


def test_over_a_period_the_basis_is_orthogonal_and_as_printed_nearly_collinear():
    times = jnp.arange(64) / 64
    conditions = [np.linalg.cond(np.asarray(basis(times, 5, period), np.float64)) for period in (1.0, None)]
    assert conditions[0] == pytest.approx(np.sqrt(2), rel=1e-5)
    assert conditions[1] > 1e5


def test_entries_have_variance_one_over_h_at_every_time():
    trajectory = trigonometric(100)
    weights = np.asarray(trajectory.weights(trajectory.init(jax.random.key(2)), TIMES))
    np.testing.assert_allclose(weights.var(axis=(1, 2)) * 100, 1, atol=0.1)


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"degree is -1.*≥ 0"):
        trigonometric(2, degree=-1)
    with pytest.raises(ValueError, match=r"period 0\.0.*> 0"):
        trigonometric(2, period=0.0)
