"""The noise: its law, its independence, and the generator against JAX's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from jax.extend.random import threefry_2x32

from odes_rl.es.noise import normal_rows, row_seeds, threefry


def rows(seed=0, count=400, size=500):
    return np.asarray(normal_rows(row_seeds(jax.random.key(seed), count), size), np.float64)


def test_the_words_are_those_of_jaxs_threefry():
    key, counters = jnp.array([7, 2**32 - 5], jnp.uint32), jnp.arange(10, dtype=jnp.uint32) * 1_000_003
    words = jnp.concatenate(threefry(key[0], key[1], counters[:5], counters[5:]))
    np.testing.assert_array_equal(words, threefry_2x32(key, counters))


def test_entries_follow_the_normal_law_into_the_tails():
    entries = rows(count=1000, size=1000).ravel()
    assert scipy.stats.kstest(entries, "norm").pvalue > 1e-3
    for limit in (3.0, 4.0):
        expected = entries.size * 2 * scipy.stats.norm.sf(limit)
        assert abs((np.abs(entries) > limit).sum() - expected) < 5 * np.sqrt(expected)
    assert np.abs(entries).max() < 6.8


def test_no_word_gives_an_entry_that_is_not_finite(monkeypatch):
    extremes = jnp.array([0, 1, 2**31 - 1, 2**31, 2**32 - 1], jnp.uint32)
    pairs = jnp.repeat(extremes, 5), jnp.tile(extremes, 5)
    monkeypatch.setattr("odes_rl.es.noise.threefry", lambda *_: pairs)
    entries = normal_rows(jnp.zeros((1, 3), jnp.uint32), 25)
    assert np.isfinite(entries).all()
    assert np.abs(entries).max() == pytest.approx(np.sqrt(66 * np.log(2)), rel=1e-5)


def test_neighbours_in_rows_columns_and_keys_are_not_correlated():
    noise, other = rows(), rows(seed=1)
    bound = 5 / np.sqrt(noise.size)
    for left, right in ((noise[1:], noise[:-1]), (noise[:, 1:], noise[:, :-1]), (noise, other)):
        assert abs((left * right).mean()) < bound
        assert abs((left**2 * right**2).mean() - 1) < 8 * bound
    assert np.abs(np.corrcoef(noise) - np.eye(len(noise))).max() < 6 / np.sqrt(noise.shape[1])


def test_a_row_is_the_same_alone_and_among_others_and_in_a_longer_row():
    seeds = row_seeds(jax.random.key(3), 40)
    whole = jax.jit(normal_rows, static_argnums=1)(seeds, 333)
    for part in (slice(0, 1), slice(17, 23), slice(39, 40)):
        np.testing.assert_array_equal(jax.jit(normal_rows, static_argnums=1)(seeds[part], 333), whole[part])
    np.testing.assert_array_equal(jax.jit(normal_rows, static_argnums=1)(seeds, 1000)[:, :333], whole)


@pytest.mark.parametrize("implementation", ["threefry2x32", "rbg"])
def test_keys_of_any_kind_give_seeds(implementation):
    seeds = row_seeds(jax.random.key(0, impl=implementation), 4)
    assert (seeds.shape, seeds.dtype) == ((4, 3), jnp.uint32)
    np.testing.assert_array_equal(seeds[:, 2], np.arange(4))
    assert (seeds[:, :2] == seeds[0, :2]).all()
