"""Moments of observations, merged."""

from functools import reduce

import numpy as np
import pytest

from odes_rl.rollouts.protocol import Moments


def of(observations):
    return Moments(
        np.asarray(float(len(observations))),
        observations.mean(axis=0),
        len(observations) * observations.var(axis=0),
    )


def test_merging_gives_the_moments_of_all_observations():
    observations = np.random.default_rng(0).normal([1e6, -3, 0], [1, 5, 1e-3], size=(60, 3))
    parts = [of(part) for part in np.split(observations, [1, 7, 30])]
    merged = reduce(Moments.merge, parts, Moments.empty(3))
    assert merged.count == 60
    np.testing.assert_allclose(merged.mean, observations.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(merged.standard_deviation(), observations.std(axis=0), rtol=1e-7)
    assert merged.mean.dtype == merged.squares.dtype == np.float64


def test_weighted_moments_are_those_of_repeated_observations():
    early, late = np.split(np.random.default_rng(2).normal([1e3, -3], [1, 5], size=(20, 2)), [8])
    merged = of(early).weighted(3.0).merge(of(late).weighted(0.5))
    repeated = np.concatenate([early] * 6 + [late])
    assert merged.count == len(repeated) / 2
    np.testing.assert_allclose(merged.mean, repeated.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(merged.standard_deviation(), repeated.std(axis=0), rtol=1e-9)


def test_empty_moments_change_nothing():
    some = of(np.random.default_rng(1).normal(size=(5, 2)))
    for merged in (some.merge(Moments.empty(2)), Moments.empty(2).merge(some)):
        for left, right in zip(merged, some, strict=True):
            np.testing.assert_array_equal(left, right)
    assert Moments.empty(2).merge(Moments.empty(2)).count == 0


def test_before_anything_was_seen_observations_stay_as_they_are():
    np.testing.assert_array_equal(Moments.empty(3).standard_deviation(), np.ones(3))
    np.testing.assert_array_equal(of(np.array([[5.0, 1.0]])).standard_deviation(), np.ones(2))


def test_before_anything_was_seen_the_mean_is_a_guess_and_normalises_nothing():
    guess = Moments.empty(2)._replace(mean=np.array([5.0, 1e9]))
    np.testing.assert_array_equal(guess.centre(), [0, 0])
    some = of(np.random.default_rng(1).normal(size=(5, 2)))
    for left, right in zip(guess.merge(some), some, strict=True):
        np.testing.assert_array_equal(left, right)
    np.testing.assert_array_equal(some.centre(), some.mean)


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1e-8), (0.0, 1e-30), (1e8, 0.5), (1e7, 1e-4)])
def test_a_deviation_counts_beside_the_entrys_size(mean, deviation):
    moments = Moments(np.asarray(4.0), np.array([mean]), np.array([4 * deviation**2]))
    assert moments.standard_deviation()[0] == pytest.approx(deviation)


def test_what_rounding_leaves_of_a_constant_does_not_count():
    moments = Moments(np.asarray(4.0), np.array([1e8]), np.array([4 * 1e-8**2]))
    assert np.isinf(moments.standard_deviation()[0])


def test_an_entry_that_never_varied_has_an_infinite_deviation():
    deviation = of(np.array([[2.0, 1.0], [2.0, 3.0]])).standard_deviation()
    np.testing.assert_array_equal(deviation, [np.inf, 1.0])
