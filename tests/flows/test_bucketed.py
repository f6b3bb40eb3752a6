"""Bucketed weights: integer indices, and the unconstrained network where there is a bucket for each step."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl.flows.trajectories.bucketed import bucket_indices, bucketed
from odes_rl.flows.trajectories.options import TrajectoryOptions, named_trajectory
from odes_rl.flows.trajectories.per_layer import per_layer


def test_a_bucket_for_each_step_is_a_matrix_for_each_layer():
    steps = 25
    params = per_layer(3, layers=steps).init(jax.random.key(0))
    times = jnp.arange(steps) / steps
    ours = bucketed(3, buckets=steps, resolution=steps).weights(params, times)
    np.testing.assert_array_equal(ours, per_layer(3, layers=steps).weights(params, times))
    np.testing.assert_array_equal(ours, params["W"])


@pytest.mark.parametrize("steps", [25, 50, 100])
@pytest.mark.parametrize("buckets", [1, 4, 5, 7, 25])
def test_indices_are_those_of_exact_fractions(steps, buckets):
    times = jnp.arange(steps + 1) / steps
    expected = [min(int(Fraction(i, steps) * buckets), buckets - 1) for i in range(steps + 1)]
    assert bucket_indices(times, buckets, steps).tolist() == expected


def test_floating_point_alone_would_take_the_wrong_bucket():
    steps = 25
    times = np.arange(steps, dtype=np.float32) * np.float32(1 / steps)
    careless = np.floor(times * np.float32(steps)).astype(int)
    assert (careless != np.arange(steps)).any()
    assert bucket_indices(jnp.asarray(times), steps, steps).tolist() == list(range(steps))


def test_times_between_the_ticks_are_refused():
    trajectory = bucketed(2, buckets=3, resolution=100)
    params, times = trajectory.init(jax.random.key(0)), jnp.arange(30) / 30
    with pytest.raises(ValueError, match="times are not multiples of 1/100: give resolution"):
        trajectory.weights(params, times)
    with pytest.raises(ValueError, match="times are not multiples of 1/10: give resolution"):
        bucketed(2, buckets=3).weights(params, jnp.array([0, 0.1, 0.25]))
    with pytest.raises(ValueError, match="times are not multiples of 1/100: give resolution"):
        bucketed(2, buckets=3).weights(params, jnp.array([1 / 3]))
    options = TrajectoryOptions(trajectory="bucketed", trajectory_options={"resolution": 100})
    with pytest.raises(UserError, match=r"model\.trajectory 'bucketed': times are not multiples of 1/100"):
        named_trajectory(options, 2, times, "model")


@pytest.mark.parametrize("resolution", [None, 30, 60])
def test_each_bucket_has_its_share_of_equal_steps(resolution):
    trajectory = bucketed(2, buckets=3, resolution=resolution)
    params, times = trajectory.init(jax.random.key(0)), jnp.arange(30) / 30
    found = jax.jit(lambda params: trajectory.weights(params, times))(params)
    np.testing.assert_array_equal(found, np.repeat(params["W"], 10, axis=0))


def test_too_many_buckets_are_refused():
    with pytest.raises(ValueError, match="buckets is 11, allowed are 1 to 10"):
        bucketed(2, buckets=11, resolution=10)
