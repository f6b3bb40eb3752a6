"""Returns told in single precision: what it cannot hold changes no update."""

import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl.es.config import StrategyConfig
from odes_rl.es.returns import told_returns
from odes_rl.es.scales import direction_utilities
from odes_rl.es.shaping import SHAPINGS, replace_failed

RETURNS = np.array([3.0, -1.0, 5.0, 5.0, -7.0, 2.0, 0.5, 4.0])
INVARIANT = ["standardised", "centred_ranks", "top_k"]


def configure(shaping, **options):
    return StrategyConfig(population=8, shaping=shaping, top_k=3, **options)


def weights(shaping, returns, **options):
    """What each direction's noise is weighed by."""
    config = configure(shaping, **options)
    told = jnp.asarray(told_returns(config, np.asarray(returns, np.float64)))
    shaped = np.asarray(SHAPINGS[shaping].make(config)(replace_failed(told).reshape(config.directions, -1)))
    return shaped[:, 0] - shaped[:, 1] if config.antithetic else shaped[:, 0]


@pytest.mark.parametrize("shaping", INVARIANT)
@pytest.mark.parametrize(("factor", "offset"), [(1, 1e8), (1e38, 0), (1e300, 0), (-1e-40, 1e-39), (1e-12, -1.0)])
def test_neither_shift_nor_scale_nor_overflow_changes_a_weight(shaping, factor, offset):
    expected = weights(shaping, np.sign(factor) * RETURNS)
    np.testing.assert_allclose(weights(shaping, factor * RETURNS + offset), expected, rtol=1e-3, atol=1e-3)


def test_pairs_taken_as_they_are_lose_only_what_both_have():
    np.testing.assert_array_equal(weights("none", RETURNS + 1e8), RETURNS[::2] - RETURNS[1::2])
    np.testing.assert_array_equal(told_returns(configure("none", antithetic=False), RETURNS), RETURNS)


def test_ranks_are_those_of_double_precision():
    close = 1.0 + 1e-13 * np.arange(8)
    assert len(np.unique(close.astype(np.float32))) == 1
    np.testing.assert_array_equal(told_returns(configure("centred_ranks"), close), np.arange(8))


@pytest.mark.parametrize("shaping", ["none", *INVARIANT])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_failed_stays_failed_and_counts_as_the_worst(shaping, bad):
    failed = np.where(np.arange(8) == 2, bad, RETURNS)
    told = told_returns(configure(shaping), failed)
    assert told.dtype == np.float32
    assert np.flatnonzero(np.isnan(told)).tolist() == [2]
    worst = np.where(np.arange(8) == 2, RETURNS.min(), RETURNS)
    np.testing.assert_allclose(weights(shaping, failed), weights(shaping, worst), rtol=1e-5, atol=1e-6)
    assert np.isnan(told_returns(configure(shaping), np.full(8, bad))).all()


def test_one_return_far_from_all_others_leaves_them_their_digits():
    told = told_returns(configure("top_k"), np.where(np.arange(8) == 4, -1e9, RETURNS))
    others = np.delete(told, 4).astype(np.float64)
    expected = np.delete(RETURNS, 4)
    np.testing.assert_allclose(np.diff(others) / np.ptp(others), np.diff(expected) / np.ptp(expected), rtol=1e-5)


def test_equal_returns_are_told_as_equal():
    for shaping in ("none", *INVARIANT):
        assert len(np.unique(told_returns(configure(shaping), np.full(8, 1e30 / 3)))) == 1


def test_what_shaping_none_cannot_hold_is_said_in_a_line():
    with pytest.raises(UserError, match=r"returns reach 7e\+39, but shaping none .*strategy.shaping to standardised"):
        told_returns(configure("none", antithetic=False), 1e39 * RETURNS)


@pytest.mark.parametrize("shaping", ["centred_ranks", "signs"])
def test_learned_scales_rank_the_means_of_directions_whatever_the_shaping(shaping):
    config = StrategyConfig(shaping=shaping, population=4, sigma_per_leaf="learned")
    told = jnp.asarray(told_returns(config, np.array([0.0, 100.0, 40.0, 45.0]))).reshape(-1, 2)
    np.testing.assert_allclose(direction_utilities(told), [1, -1])
