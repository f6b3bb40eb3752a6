"""Bucketed weights: exact indices, and the unconstrained network where there is a bucket for each step."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.flows.trajectories.bucketed import bucket_indices, bucketed
from odes_rl.flows.trajectories.per_layer import per_layer


def test_a_bucket_for_each_step_is_a_matrix_for_each_layer():
    steps = 25
    params = per_layer(3, layers=steps).init(jax.random.key(0))
    times = jnp.arange(steps) / steps
    ours = bucketed(3, buckets=steps).weights(params, times)
    np.testing.assert_array_equal(ours, per_layer(3, layers=steps).weights(params, times))
    np.testing.assert_array_equal(ours, params["W"])


@pytest.mark.parametrize("steps", [25, 50, 64, 100, 997])
@pytest.mark.parametrize("buckets", [1, 4, 5, 7, 25, 64, 997])
def test_indices_are_those_of_exact_fractions(steps, buckets):
    expected = [min(int(Fraction(i, steps) * buckets), buckets - 1) for i in range(steps + 1)]
    times = np.arange(steps + 1, dtype=np.float32) / np.float32(steps)
    for rounded in (
        times,
        jnp.arange(steps + 1) / steps,
        np.nextafter(times, np.float32(0)),
        np.nextafter(times, np.float32(2)),
    ):
        assert bucket_indices(jnp.asarray(rounded), buckets).tolist() == expected


def test_floating_point_alone_would_take_the_wrong_bucket():
    steps = 25
    times = np.arange(steps, dtype=np.float32) * np.float32(1 / steps)
    careless = np.floor(times * np.float32(steps)).astype(int)
    assert (careless != np.arange(steps)).any()
    assert bucket_indices(jnp.asarray(times), steps).tolist() == list(range(steps))


@pytest.mark.parametrize(("steps", "buckets"), [(30, 3), (64, 5), (128, 10)])
def test_a_time_that_is_not_known_beforehand_has_its_own_bucket(steps, buckets):
    trajectory = bucketed(2, buckets)
    params, times = trajectory.init(jax.random.key(0)), jnp.arange(steps) / steps
    one_by_one = jax.lax.map(lambda t: trajectory.weights(params, t[None])[0], times)
    expected = params["W"][np.arange(steps) * buckets // steps]
    np.testing.assert_array_equal(one_by_one, expected)
    np.testing.assert_array_equal(jax.jit(trajectory.weights)(params, times), expected)


def test_there_is_a_bucket():
    with pytest.raises(ValueError, match="buckets is 0, allowed is buckets ≥ 1"):
        bucketed(2, buckets=0)
