"""Matching: the flow climbs what it says, permutations are found again, and lists are sorted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.manifolds import Orthogonal
from odes_rl_studies.matching import METHODS, MatchingConfig, graphs, lists, solve
from odes_rl_studies.matching_flow import centred, distance, generator, match, nearest_permutation, spectral

CONFIG = MatchingConfig(directory="unused", size=4, graphs=6, starts=8, steps=150)


@pytest.fixture(scope="module")
def problem():
    return graphs(CONFIG, 0.0)


def objective(W, Q, N, cubes, pull):
    return jnp.trace(W.T @ Q @ W @ N) + 2 / 3 * cubes * jnp.sum(W**3) + 2 * pull * jnp.sum(W)


def test_the_generator_is_the_gradient_on_the_orthogonal_group(problem):
    W = Orthogonal().random(jax.random.key(0), (4, 4))
    Q, N = (jnp.asarray(part[0], jnp.float32) for part in (problem.Q, problem.N))
    gradient = jax.grad(objective)(W, Q, N, 0.7, 0.3)
    B = generator(W, Q, N, 0.7, 0.3)
    np.testing.assert_allclose(B, (W.T @ gradient - gradient.T @ W) / 2, atol=1e-5)
    np.testing.assert_allclose(B, -B.T, atol=1e-6)


def test_permutations_have_the_largest_sum_of_cubes_and_stand_still_without_noise(problem):
    P, Q, N = (jnp.asarray(part[0], jnp.float32) for part in (problem.hidden, problem.Q, problem.N))
    others = np.asarray(Orthogonal().random(jax.random.key(1), (200, 4, 4)))
    assert (others**3).sum(axis=(1, 2)).max() < jnp.sum(P**3) == 4
    np.testing.assert_allclose(generator(P, Q, N, 1.0, 1.0), 0, atol=1e-6)


def test_the_flow_stays_on_the_group_and_climbs(problem):
    Q, N = (jnp.asarray(part, jnp.float32) for part in (problem.Q, problem.N))
    start = Orthogonal().random(jax.random.key(0), Q.shape)
    end = match(start, Q, N, 0.0, 0.0, 150)
    assert Orthogonal().violation(end) < 1e-4
    reached = jax.vmap(objective, (0, 0, 0, None, None))
    assert (reached(end, Q, N, 0.0, 0.0) > reached(start, Q, N, 0.0, 0.0)).all()


def test_permutations_move_no_mean_that_is_taken_away(problem):
    raw = np.array([[5.0, 1.0, 2.0], [1.0, 3.0, 4.0], [2.0, 4.0, 8.0]])
    P = np.eye(3)[[2, 0, 1]]
    found = centred(raw)
    np.testing.assert_allclose(centred(P.T @ raw @ P), P.T @ found @ P, atol=1e-12)
    assert np.trace(found) == pytest.approx(0, abs=1e-12)
    assert found.sum() == pytest.approx(0, abs=1e-12)
    assert np.linalg.norm(found) == pytest.approx(1)


def test_without_noise_spectral_matching_finds_what_was_hidden(problem):
    for Q, N, hidden in zip(problem.Q, problem.N, problem.hidden, strict=True):
        np.testing.assert_array_equal(spectral(Q, N), hidden)
    assert distance(problem.hidden, problem.Q, problem.N).max() < 1e-10


def test_the_nearest_permutation_takes_the_largest_sum():
    np.testing.assert_array_equal(nearest_permutation(np.array([[3.0, 2.0], [2.5, 0.0]])), [[0, 1], [1, 0]])


def test_the_hidden_permutation_of_a_list_sorts_it():
    problem = lists(CONFIG)
    sorted_lists = np.einsum("gii->gi", problem.hidden.swapaxes(1, 2) @ problem.Q @ problem.hidden)
    assert (np.diff(sorted_lists, axis=1) > 0).all()


@pytest.mark.parametrize("method", METHODS[1:])
def test_small_graphs_without_noise_are_matched(problem, method):
    assert solve(problem, method, CONFIG).best.mean() >= 0.8
