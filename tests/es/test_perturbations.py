"""Directions: how they are distributed, and the gradient that they estimate."""

import functools

import jax
import numpy as np
import pytest

from odes_rl.es.perturbations import PERTURBATIONS, direction_weights, group_sums

NAMES = tuple(PERTURBATIONS)


@functools.cache
def drawing(name, count, size):
    return jax.jit(lambda key: PERTURBATIONS[name].draw(key, count, size))


def draw(name, count, size, seed=0):
    return np.asarray(drawing(name, count, size)(jax.random.key(seed)), np.float64)


@functools.partial(jax.jit, static_argnums=2)
def estimate(utilities, directions, sigma):
    """The estimate with the directions as their own seeds."""
    weights = direction_weights(utilities, len(directions))
    sums = group_sums(weights, directions, lambda seeds: seeds, directions.shape[1], 1)
    return sums[0] / (utilities.size * sigma)


@functools.cache
def many(name):
    """[5000, 3, 4] independent draws of 3 directions of size 4."""
    keys = jax.random.split(jax.random.key(2), 5000)
    return np.asarray(jax.jit(jax.vmap(lambda key: PERTURBATIONS[name].draw(key, 3, 4)))(keys), np.float64)


def off_diagonal(rows):
    """The largest cosine between two of the rows."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    gram = np.abs(unit @ unit.T)
    np.fill_diagonal(gram, 0)
    return gram.max(initial=0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("count", "size"), [(1, 1), (1, 6), (4, 6), (6, 6), (7, 6), (20, 6), (5, 1)])
def test_directions_have_their_shape_are_finite_and_a_function_of_the_key(name, count, size):
    directions = draw(name, count, size)
    assert directions.shape == (count, size)
    assert np.isfinite(directions).all()
    assert np.linalg.norm(directions, axis=1).min() > 0
    np.testing.assert_array_equal(directions, draw(name, count, size))
    assert np.abs(directions - draw(name, count, size, seed=1)).max() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_entries_of_a_row_are_standard_normal(name):
    rows = many(name)[:, 1]
    assert np.abs(rows.mean(axis=0)).max() < 0.06
    assert np.abs(np.cov(rows.T) - np.eye(4)).max() < 0.1
    assert np.abs((rows**4).mean(axis=0) - 3).max() < 0.5
    lengths = (rows**2).sum(axis=1)  # χ² with 4 degrees of freedom
    assert lengths.mean() == pytest.approx(4, abs=0.15)
    assert lengths.var() == pytest.approx(8, rel=0.15)


@pytest.mark.parametrize(("count", "size"), [(3, 40), (8, 8), (20, 8)])
def test_orthogonal_rows_are_exactly_orthogonal_within_blocks(count, size):
    directions = draw("orthogonal", count, size)
    for start in range(0, count, size):
        assert off_diagonal(directions[start : start + size]) < 2e-6
    assert off_diagonal(draw("gaussian", count, size)) > 0.05


def test_blocks_are_independent_of_each_other():
    directions = draw("orthogonal", 16, 8)
    assert off_diagonal(directions) > 0.05


def test_lengths_within_a_block_are_independent():
    lengths = np.linalg.norm(many("orthogonal"), axis=2)
    assert np.abs(np.corrcoef(lengths.T) - np.eye(3)).max() < 0.06


def test_the_estimate_is_equation_7():
    generator = np.random.default_rng(0)
    directions, single, pairs = (generator.normal(size=s) for s in ((5, 3), (5, 1), (5, 2)))
    for utilities, signs in ((single, (1,)), (pairs, (1, -1))):
        slow = sum(utilities[p, s] * sign * directions[p] for p in range(5) for s, sign in enumerate(signs)) / (
            utilities.size * 0.2
        )
        fast = estimate(utilities, directions, 0.2)
        np.testing.assert_allclose(fast, slow, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 3), (4, 2), (6, 1), (5,)])
def test_utilities_that_do_not_suit_the_directions_are_an_error(shape):
    with pytest.raises(ValueError, match=r"utilities are \(.*\), but must be \(5, 1\) or \(5, 2\)"):
        estimate(np.zeros(shape), np.zeros((5, 3)), 0.1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("antithetic", [True, False])
def test_the_estimate_is_unbiased_on_a_linear_function(name, antithetic):
    slope, sigma, offset = np.array([1.0, -2.0, 0.5, 0.0]), 0.1, 0.05
    directions = draw(name, 40_000, 4)
    signs = np.array([1.0, -1.0] if antithetic else [1.0])
    returns = offset + sigma * (directions @ slope)[:, None] * signs
    np.testing.assert_allclose(estimate(returns, directions, sigma), slope, atol=0.06)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("at_once", [1, 30, 10**6])
def test_sums_over_groups_are_the_same_however_few_directions_are_drawn_at_a_time(name, at_once, monkeypatch):
    monkeypatch.setattr("odes_rl.es.perturbations._AT_ONCE", at_once)
    kind, key = PERTURBATIONS[name], jax.random.key(0)
    weights = np.random.default_rng(0).normal(size=24).astype(np.float32)
    streamed = jax.jit(
        lambda weights: group_sums(weights, kind.seeds(key, 24, 5), lambda s: kind.directions(s, 5), 5, 4)
    )(weights)
    expected = np.einsum("gp,gpi->gi", weights.reshape(4, 6), draw(name, 24, 5).reshape(4, 6, 5))
    np.testing.assert_allclose(streamed, expected, atol=1e-5)


def test_orthogonal_directions_have_less_error_than_gaussian_ones():
    slope = np.array([1.0, -2.0, 0.5, 0.0])

    def error(name):
        estimates = np.einsum("dpi,dpj,j->di", many(name), many(name), slope) / 3
        return ((estimates - slope) ** 2).sum(axis=1).mean()

    assert error("orthogonal") < 0.7 * error("gaussian")
