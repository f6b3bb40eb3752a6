"""Each shaping against a slow version of its definition."""

import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl.es.config import StrategyConfig
from odes_rl.es.shaping import SHAPINGS, centred_ranks, differences, none, replace_failed, signs, standardised, top_k

RETURNS = np.array([[3.0, -1.0], [5.0, 5.0], [-7.0, 2.0], [0.5, 4.0]])
UNPAIRED = RETURNS.reshape(-1, 1)


def slow_ranks(returns):
    """Mean rank among equals, spread over [−½, ½]."""
    flat = sorted(returns.reshape(-1))
    rank = {value: np.mean([i for i, other in enumerate(flat) if other == value]) for value in flat}
    return np.vectorize(rank.get)(returns) / (len(flat) - 1) - 0.5


def slow_top_k(returns, k):
    """As algorithm 2 of Mania et al.: sort by the better of a pair, keep k, divide by their deviation."""
    order = sorted(range(len(returns)), key=lambda i: -max(returns[i]))[:k]
    result = np.zeros_like(returns)
    for i in order:
        result[i] = returns[i] / np.std(returns[order]) * len(returns) / k
    return result


@pytest.mark.parametrize("returns", [RETURNS, UNPAIRED], ids=["pairs", "single"])
def test_each_shaping_is_what_it_says(returns):
    given = jnp.asarray(returns)
    np.testing.assert_array_equal(none(given), returns)
    np.testing.assert_allclose(standardised(given), (returns - returns.mean()) / returns.std(), rtol=1e-5)
    np.testing.assert_allclose(centred_ranks(given), slow_ranks(returns), atol=1e-7)


@pytest.mark.parametrize("k", [3, 4])
def test_top_k_keeps_the_directions_with_the_best_return_of_either_sign(k):
    np.testing.assert_allclose(top_k(k)(jnp.asarray(RETURNS)), slow_top_k(RETURNS, k), rtol=1e-5)


def test_ranks_reach_from_minus_a_half_to_a_half_and_ties_share_theirs():
    ranks = np.asarray(centred_ranks(jnp.asarray(RETURNS)))
    assert (ranks.min(), ranks.max()) == (-0.5, pytest.approx(0.5 - 0.5 / 7))
    assert ranks[1, 0] == ranks[1, 1]
    assert ranks.sum() == pytest.approx(0, abs=1e-6)


def test_differences_leave_out_what_a_pair_has_in_common():
    halves = np.array([2.0, 0.0, -4.5, -1.75])
    expected = halves[:, None] * [1, -1] / np.sqrt(2 * np.mean(halves**2))
    starts = np.array([0.0, 500.0, 20.0, -70.0])[:, None]
    np.testing.assert_allclose(differences(jnp.asarray(RETURNS)), expected, rtol=1e-6)
    np.testing.assert_allclose(differences(jnp.asarray(RETURNS + starts)), expected, rtol=1e-4)


def test_signs_tell_only_which_of_a_pair_is_better():
    expected = np.array([[1, -1], [0, 0], [-1, 1], [-1, 1]]) / np.sqrt(2)
    scales, starts = np.array([[1.0], [1.0], [1000.0], [0.01]]), np.array([[0.0], [500.0], [20.0], [-70.0]])
    np.testing.assert_allclose(signs(jnp.asarray(RETURNS)), expected, rtol=1e-6)
    np.testing.assert_allclose(signs(jnp.asarray(RETURNS * scales + starts)), expected, rtol=1e-6)


@pytest.mark.parametrize("shaping", [differences, signs])
def test_pairs_of_noise_estimate_as_much_as_standardised_returns(shaping):
    noise = jnp.asarray(np.random.default_rng(0).normal(size=(20_000, 2)))
    found, usual = (np.asarray(shape(noise)) @ [1.0, -1.0] for shape in (shaping, standardised))
    assert found.std() == pytest.approx(usual.std(), rel=0.02)


@pytest.mark.parametrize("shaping", [differences, signs])
def test_equal_returns_have_no_differences(shaping):
    np.testing.assert_array_equal(shaping(jnp.full((3, 2), 0.1)), np.zeros((3, 2)))


@pytest.mark.parametrize(("name", "shaping"), [("differences", differences), ("signs", signs), ("top_k", top_k(2))])
def test_what_compares_signs_needs_pairs(name, shaping):
    with pytest.raises(UserError, match=f"shaping {name} compares .*: use standardised, or antithetic pairs"):
        shaping(jnp.asarray(UNPAIRED))
    with pytest.raises(ValueError, match=f"shaping {name} compares the two signs of a direction"):
        StrategyConfig(shaping=name, antithetic=False)


@pytest.mark.parametrize("name", ["standardised", "centred_ranks", "differences", "signs"])
def test_shift_and_scale_of_the_returns_do_not_matter(name):
    shape = SHAPINGS[name].make(StrategyConfig())
    np.testing.assert_allclose(
        shape(jnp.asarray(RETURNS)), shape(jnp.asarray(RETURNS * 40 - 300)), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "signs"),
    [("standardised", 1), ("standardised", 2), ("centred_ranks", 1), ("centred_ranks", 2), ("top_k", 2)],
)
@pytest.mark.parametrize("value", [0.0, 0.1, -331.7, 1000 / 3])
@pytest.mark.parametrize("directions", [3, 7, 200, 50, 1])
def test_equal_returns_give_no_utility(name, value, directions, signs):
    shape = (directions, signs)
    shaping = SHAPINGS[name].make(StrategyConfig(population=2 * shape[0], top_k=min(3, shape[0])))
    np.testing.assert_array_equal(shaping(jnp.full(shape, value, jnp.float32)), np.zeros(shape))


def test_the_registry_makes_each_shaping_from_the_options():
    config = StrategyConfig(population=8, top_k=2, shaping="top_k")
    given = jnp.asarray(RETURNS)
    np.testing.assert_array_equal(SHAPINGS["top_k"].make(config)(given), top_k(2)(given))
    for family in SHAPINGS.values():
        assert family.make(config)(given).shape == RETURNS.shape


def test_top_k_takes_the_step_of_augmented_random_search():
    """M + α/(b σ_R) Σ_k (r⁺ − r⁻) δ_k, of Mania et al. 2018, algorithm 2, has α = learning_rate / 2ν."""
    generator = np.random.default_rng(1)
    directions, returns = generator.normal(size=(6, 5)), generator.normal(size=(6, 2))
    alpha, probe, b = 0.02, 0.03, 4
    best = np.argsort(-returns.max(axis=1))[:b]
    published = sum((returns[i, 0] - returns[i, 1]) * directions[i] for i in best)
    published = alpha / (b * returns[best].std()) * published
    utilities = top_k(b)(jnp.asarray(returns))
    gradient = (utilities[:, 0] - utilities[:, 1]) @ directions / (utilities.size * probe)
    np.testing.assert_allclose(2 * alpha * probe * gradient, published, rtol=1e-4, atol=1e-7)


def test_of_several_rounds_top_k_keeps_as_many_times_k():
    rounds = jnp.asarray(np.random.default_rng(2).normal(size=(12, 2)))
    configured = SHAPINGS["top_k"].make(StrategyConfig(population=8, top_k=2, shaping="top_k"))
    for shaping in (configured, top_k(2, of=4)):
        np.testing.assert_array_equal(shaping(rounds), top_k(6)(rounds))
    assert (np.asarray(top_k(2)(rounds)).any(axis=1)).sum() == 2


def test_more_directions_than_there_are_cannot_be_chosen():
    with pytest.raises(ValueError, match="top_k is 5, but must be from 1 to 4, the directions"):
        top_k(5)(jnp.asarray(RETURNS))


@pytest.mark.parametrize(("wrong", "message"), [((1.5,), "k is 1.5"), (("a",), "k is 'a'"), ((1, 0), "of is 0")])
def test_directions_to_keep_are_counted_in_whole_numbers(wrong, message):
    with pytest.raises(UserError, match=f"{message}, but must be a whole number, 1 or more"):
        top_k(*wrong)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_failed_candidates_take_the_worst_finite_return(bad):
    returns = jnp.array([3.0, bad, -5.0, 2.0])
    np.testing.assert_array_equal(replace_failed(returns), [3.0, -5.0, -5.0, 2.0])


def test_all_failed_become_zero_and_finite_returns_stay():
    np.testing.assert_array_equal(replace_failed(jnp.array([np.nan, np.inf])), [0.0, 0.0])
    np.testing.assert_array_equal(replace_failed(jnp.array([1.0, -2.0])), [1.0, -2.0])


@pytest.mark.parametrize("name", ["standardised", "differences", "top_k"])
@pytest.mark.parametrize("factor", [1e-37, 1e-25, 1e25, 8e37])
def test_returns_whose_squares_single_precision_does_not_hold_count_like_others(name, factor):
    shape = SHAPINGS[name].make(StrategyConfig(population=4, top_k=1))
    returns = jnp.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(shape(returns * factor), shape(returns), rtol=1e-5)


def test_one_candidate_that_explodes_is_not_the_end_of_the_others():
    returns = jnp.array([[1.0, 2.0], [3.0, -3e38]])
    np.testing.assert_allclose(standardised(returns), [[3**-0.5] * 2, [3**-0.5, -(3**0.5)]], rtol=1e-5)
