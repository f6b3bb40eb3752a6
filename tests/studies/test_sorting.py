"""Sorting by isospectral flows: what they keep, what Brockett's does, and what learning adds."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.manifolds import Orthogonal, Symmetric, tree_violation
from odes_rl_studies.sorting import LEARNED, SortingConfig, brockett, learn, search
from odes_rl_studies.sorting_flow import (
    KINDS,
    Kind,
    diagonal,
    draw_lists,
    error,
    in_eigenbasis,
    judge,
    mean_minor,
    mean_minors,
    outputs_of,
    remainder,
    right,
    turned,
    weights,
)

CONFIG = SortingConfig(directory="unused", size=3, steps=8, seeds=2, training=60, batch=16, lists=100)
FACTOR = 5.0


def random_flow(n=5, scale=3.0):
    """W₀ and a full N for two seeds, and seven lists for each."""
    keys = jax.random.split(jax.random.key(1), 3)
    params = {"initial": Orthogonal().random(keys[0], (2, n, n)), "N": Symmetric(scale).random(keys[1], (2, n, n))}
    return params, jax.random.uniform(keys[2], (2, 7, n))


def along(params, lists, times):
    return turned(jax.jit(weights)(params, lists, times), lists)


@cache
def start():
    return brockett(jax.random.key(0), CONFIG)


@cache
def learned(method):
    return learn(method, FACTOR, start(), jax.random.key(3), CONFIG, lambda line: None)


def test_the_flow_keeps_the_spectrum_and_so_only_rearranges_the_list():
    params, lists = random_flow()
    H = along(params, lists, jnp.linspace(0.1, 1, 10))
    assert remainder(H[-1]).min() > 0.01
    np.testing.assert_allclose(jnp.linalg.eigvalsh(H), jnp.broadcast_to(jnp.sort(lists), H.shape[:-1]), atol=1e-5)


def test_the_trace_with_n_never_falls():
    params, lists = random_flow()
    H = along(params, lists, jnp.linspace(0, 1, 41))
    traces = jnp.einsum("tsbij,sij->tsb", H, params["N"])
    assert (jnp.diff(traces, axis=0) > -1e-5).all()
    assert (traces[-1] > traces[0] + 0.01).all()


def test_brocketts_flow_sorts_in_the_long_run():
    n = 4
    params = brockett(jax.random.key(5), CONFIG.model_copy(update={"size": n}))
    sorted_lists = jnp.broadcast_to(jnp.arange(n) / n, (2, 6, n))
    lists = jax.random.permutation(jax.random.key(6), sorted_lists, axis=-1, independent=True)
    H = along(params, lists, 0.2 * jnp.arange(1, 601))
    np.testing.assert_allclose(diagonal(H[-1]), sorted_lists, atol=1e-4)
    assert remainder(H[-1]).max() < 1e-3


def test_a_start_that_commutes_never_moves():
    params = {"initial": jnp.eye(3)[None], "N": jnp.diag(jnp.arange(1.0, 4))[None]}
    lists = jnp.array([[[0.9, 0.1, 0.5]]])
    np.testing.assert_array_equal(outputs_of(params, lists, 10), lists)


def test_what_is_added_to_a_list_is_added_to_its_outputs():
    params, lists = random_flow()
    np.testing.assert_allclose(outputs_of(params, lists + 2.0, 10), outputs_of(params, lists, 10) + 2.0, atol=1e-5)


def test_a_list_three_times_as_wide_flows_three_times_as_fast():
    params, lists = random_flow()
    times = jnp.linspace(0.1, 1, 10)
    np.testing.assert_allclose(along(params, 3 * lists, times / 3), 3 * along(params, lists, times), atol=1e-5)


def test_in_the_eigenbasis_of_n_the_flow_is_that_of_a_diagonal_n_from_another_start():
    params, lists = random_flow()
    V = jnp.linalg.eigh(params["N"])[1][:, None]
    turning = in_eigenbasis(params)
    assert (jnp.diff(diagonal(turning["N"])) > 0).all()
    times = jnp.linspace(0.1, 1, 10)
    np.testing.assert_allclose(along(turning, lists, times), V.mT @ along(params, lists, times) @ V, atol=1e-5)


def test_errors_and_right_outputs_of_a_list_by_hand():
    lists = jnp.array([[0.8, 0.2, 0.4]])
    outputs = jnp.array([[0.25, 0.25, 0.7]])
    assert error(lists, lists) == pytest.approx(((0.6**2 + 0.2**2 + 0.4**2) / 3) ** 0.5)
    assert error(outputs, lists) == pytest.approx(((0.05**2 + 0.15**2 + 0.1**2) / 3) ** 0.5)
    assert right(outputs, lists).tolist() == [[True, False, True]]
    assert right(jnp.sort(lists), lists).all()
    assert right(lists, lists).tolist() == [[False, False, False]]


def test_the_remainder_is_nothing_for_a_diagonal_and_all_for_a_hollow_matrix():
    assert remainder(jnp.diag(jnp.array([1.0, 2.0, 4.0]))) == 0
    assert remainder(jnp.array([[5.0, 1.0], [1.0, 5.0]])) == 1
    assert remainder(jnp.array([[1.0, 1.0], [1.0, -1.0]])) == pytest.approx(0.5**0.5)


def test_minors_of_a_rotation_and_of_a_permutation():
    assert mean_minor(np.array([[0.6, -0.8], [0.8, 0.6]])) == pytest.approx(0.48**0.5)
    assert mean_minor(np.eye(4)[[2, 0, 3, 1]]) == 0


def test_minors_are_left_out_where_there_are_too_many():
    starts = np.array([np.eye(4), [[0.6, -0.8, 0, 0], [0.8, 0.6, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]])
    assert mean_minors(starts) == 0
    assert mean_minors(np.eye(13)[None]) is None


def test_lists_are_drawn_as_they_are_called():
    uniform, normal, close = (np.asarray(draw_lists(kind, jax.random.key(0), (5000, 5))) for kind in KINDS)
    assert uniform.mean() == pytest.approx(normal.mean(), abs=0.01)
    assert uniform.var() == pytest.approx(normal.var(), abs=0.003)
    assert 0 <= uniform.min() < uniform.max() <= 1 < normal.max()
    np.testing.assert_array_equal(close[:, :3], uniform[:, :3])
    gaps = np.abs(close[:, 3:] - close[:, :2])
    assert 0.04 < gaps.max() <= 0.05 + 1e-6


def test_the_search_finds_neither_too_slow_a_flow_nor_an_unstable_one():
    config = CONFIG.model_copy(update={"factors": (0.5, FACTOR, 60.0)})
    found = search(start(), draw_lists("uniform", jax.random.key(1), (2, 100, 3)), config)
    assert min(found, key=found.__getitem__) == FACTOR


@pytest.mark.parametrize("method", LEARNED)
def test_what_is_not_learned_stays_and_what_is_stays_on_its_manifold(method):
    params = learned(method)
    moved = {
        "initial": bool((params["initial"] != start()["initial"]).any()),
        "N": bool((params["N"] != FACTOR * start()["N"]).any()),
    }
    assert {name for name, changed in moved.items() if changed} == set(LEARNED[method])
    assert tree_violation({"initial": Orthogonal(), "N": Symmetric()}, params) < 1e-5


@pytest.mark.parametrize("method", ["learned start", "learned N", "both learned"])
def test_training_lowers_the_error_below_brocketts(method):
    fresh: dict[Kind, jax.Array] = {"uniform": draw_lists("uniform", jax.random.key(9), (2, 200, 3))}
    before, after = (judge(learned(m), fresh, CONFIG.steps) for m in ("Brockett", method))
    assert after.errors["uniform"].mean() < 0.9 * before.errors["uniform"].mean()
    assert after.violation < 1e-5
    assert after.drift < 1e-5
