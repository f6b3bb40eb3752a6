"""Products of reflections: orthogonal, with determinant (−1)^h, for the vectors of any trajectory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.flows.trajectories.householder import householder, reflections
from odes_rl.flows.trajectories.polynomial import polynomial

TIMES = jnp.arange(5) / 5


@pytest.mark.parametrize("hidden", [1, 2, 5, 8])
def test_weights_are_orthogonal_with_determinant_minus_one_to_the_h(hidden):
    trajectory = householder(hidden)
    weights = np.asarray(trajectory.weights(trajectory.init(jax.random.key(0)), TIMES), np.float64)
    identity = np.broadcast_to(np.eye(hidden), weights.shape)
    np.testing.assert_allclose(weights.swapaxes(-1, -2) @ weights, identity, atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(weights), (-1.0) ** hidden, atol=1e-5)


def test_they_are_the_product_of_the_reflections_written_out():
    vectors = polynomial(4, 3, "chebyshev")
    params = vectors.init(jax.random.key(1))
    U = np.asarray(vectors.weights(params, TIMES), np.float64)
    for W, rows in zip(householder(4, vectors).weights(params, TIMES), U, strict=True):
        expected = np.eye(4)
        for u in rows:
            expected = expected @ (np.eye(4) - 2 * np.outer(u, u) / (u @ u))
        np.testing.assert_allclose(W, expected, atol=1e-5)


def test_a_zero_vector_reflects_nothing():
    np.testing.assert_array_equal(reflections(jnp.zeros((2, 3, 3))), np.broadcast_to(np.eye(3), (2, 3, 3)))


def test_the_first_rows_of_a_product_are_orthonormal():
    vectors = jax.random.normal(jax.random.key(5), (2, 3, 7))
    whole, rows = reflections(vectors), reflections(vectors, rows=3)
    np.testing.assert_allclose(rows, whole[:, :3], atol=1e-6)
    np.testing.assert_allclose(rows @ rows.mT, np.broadcast_to(np.eye(3), (2, 3, 3)), atol=1e-5)
