"""Walks along coordinate planes: orthogonal, and trigonometric polynomials where all speeds are one."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from odes_rl.flows.trajectories.givens import givens, partners
from odes_rl.flows.trajectories.trigonometric import basis


@pytest.mark.parametrize("hidden", [2, 5, 6])
def test_weights_are_the_rotations_written_out(hidden):
    """Each factor exp(ωt H), H[i, j] = 1 = −H[j, i] for i < j."""
    trajectory, t = givens(hidden, rounds=3), 0.7
    params = trajectory.init(jax.random.key(0))
    expected = np.asarray(params["initial"], np.float64)
    for table, speeds in zip(partners(hidden, 3), np.asarray(params["speeds"]), strict=True):
        pairs = [(i, j) for i, j in enumerate(table) if i < j]
        for (i, j), speed in zip(pairs, speeds, strict=True):
            H = np.zeros((hidden, hidden))
            H[i, j], H[j, i] = 1, -1
            expected = expected @ scipy.linalg.expm(speed * t * H)
    (W,) = trajectory.weights(params, jnp.array([t]))
    np.testing.assert_allclose(W, expected, atol=2e-6)
    np.testing.assert_allclose(W.T @ W, np.eye(hidden), atol=2e-6)
    assert np.abs(W - params["initial"]).max() > 0.1


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_entries_are_trigonometric_polynomials_of_the_angle(rounds):
    """Of degree `rounds` and no less; the constant term is there too."""
    trajectory = givens(4, rounds)
    params = trajectory.init(jax.random.key(1))
    params["speeds"] = jnp.ones_like(params["speeds"])
    times = jnp.linspace(0, 6, 40)
    entries = np.asarray(trajectory.weights(params, times), np.float64).reshape(40, -1)

    def residual(degree):
        values = np.asarray(basis(times, degree), np.float64)
        return np.abs(values @ np.linalg.lstsq(values, entries, rcond=None)[0] - entries).max()

    assert residual(rounds) < 1e-5
    assert residual(rounds - 1) > 1e-2


@pytest.mark.parametrize(("hidden", "rounds"), [(2, 1), (6, 5), (5, 5), (7, 7)])
def test_a_tournament_turns_in_every_plane_once(hidden, rounds):
    met = [(i, int(j)) for row in partners(hidden, rounds) for i, j in enumerate(row) if i < j]
    assert sorted(met) == list(itertools.combinations(range(hidden), 2))


def test_a_walk_needs_a_plane():
    with pytest.raises(ValueError, match="hidden 1"):
        givens(1)
