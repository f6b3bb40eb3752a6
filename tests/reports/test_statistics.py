"""Statistics over a few seeds, against their definitions."""

import numpy as np
import pytest

from odes_rl.reports.statistics import (
    area,
    deviation,
    improvement,
    improvement_interval,
    interquartile_interval,
    interquartile_mean,
    steps_to,
)


def test_the_interquartile_mean_leaves_out_a_quarter_at_either_end():
    values = np.array([[-1000.0, 1], [1, 1], [3, 1], [1000, 5]])
    np.testing.assert_allclose(interquartile_mean(values), [2, 1])
    np.testing.assert_allclose(interquartile_mean(values[:3]), values[:3].mean(axis=0))  # nothing of three seeds


def test_the_interval_holds_the_middle_and_is_the_same_each_time():
    values = np.random.default_rng(0).normal(size=(10, 7))
    interval = interquartile_interval(values)
    assert interval
    assert (interval.low < interquartile_mean(values)).all()
    assert (interquartile_mean(values) < interval.high).all()
    again = interquartile_interval(values)
    assert again
    np.testing.assert_array_equal(interval.low, again.low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Of 200 samples of 20 seeds; the interquartile mean of a symmetric distribution is its centre."""
    values = np.random.default_rng(1).normal(size=(20, 200))
    interval = interquartile_interval(values)
    assert interval
    covered = np.mean((interval.low <= 0) & (interval.high >= 0))
    assert 0.85 < covered < 0.99


def test_seeds_that_all_say_the_same_have_an_interval_without_width():
    interval = interquartile_interval(np.full((3, 2), 4.0))
    assert interval
    np.testing.assert_allclose([interval.low, interval.high], 4.0)


def test_one_seed_has_no_interval_and_no_probability():
    assert interquartile_interval(np.ones((1, 3))) is None
    for values, baseline in ((np.ones(1), np.zeros(4)), (np.ones(4), np.zeros(1)), (np.ones(1), np.zeros(1))):
        assert improvement(values, baseline) is None
        assert improvement_interval(values, baseline) is None


def test_the_deviation_is_the_samples():
    assert deviation(np.array([1.0, 2.0, 4.0])) == pytest.approx(np.sqrt((16 + 1 + 25) / 9 / 2))
    assert deviation(np.ones(1)) is None


def test_improvement_counts_pairs_and_ties_half():
    assert improvement(np.array([1.0, 3]), np.array([2.0, 3])) == pytest.approx((0 + 0 + 1 + 0.5) / 4)
    interval = improvement_interval(np.array([1.0, 3]), np.array([2.0, 3]))
    assert interval
    assert float(interval.low) == 0
    assert float(interval.high) == 1


def test_the_area_is_a_mean_return_up_to_the_end_asked_for():
    steps, returns = np.array([0.0, 100, 300]), np.array([0.0, 10, 10])
    assert area(steps, returns, 100) == pytest.approx(5)
    assert area(steps, returns, 200) == pytest.approx(7.5)
    assert area(steps, returns, 1e9) == pytest.approx(2500 / 300)
    assert area(steps[:1], returns[:1], 100) == 0


def test_steps_to_a_threshold_are_those_of_the_first_return_there():
    steps, returns = np.array([0.0, 100, 300]), np.array([0.0, 10, 5])
    assert steps_to(steps, returns, 10) == 100
    assert steps_to(steps, returns, 11) is None
    assert steps_to(steps, returns, None) is None
