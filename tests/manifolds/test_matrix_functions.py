"""The exponential against SciPy in value and derivative, and the rest by identities."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from odes_rl.manifolds.matrix_functions import _squarings, _taylor8, commutator, expm, matmul, newton_schulz

NORMS = (0.0, 0.01, 0.4, 0.6, 3.0, 20.0)


def matrices(rng: np.random.Generator, skew: bool = False) -> np.ndarray:
    A = rng.normal(size=(len(NORMS), 6, 6))
    A = A - A.mT if skew else A + 2 * np.triu(A, 1)
    return A * (np.array(NORMS) / np.abs(A).sum(axis=1).max(axis=1))[:, None, None]


def test_the_polynomial_is_the_taylor_series_of_degree_8():
    with jax.enable_x64(True):
        shift = jnp.eye(10, k=1, dtype=jnp.float64)
        series = np.asarray(_taylor8(shift)[0])
    expected = [1 / math.factorial(k) for k in range(9)]
    np.testing.assert_allclose(series[:9], expected, rtol=1e-12)
    assert abs(series[9]) < 1e-17


@pytest.mark.parametrize("skew", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float32, 3e-6), (jnp.float64, 1e-13)])
def test_expm_is_that_of_scipy_at_every_norm(skew, dtype, tolerance):
    A = matrices(np.random.default_rng(0), skew)
    with jax.enable_x64(dtype == jnp.float64):
        computed = np.asarray(jax.vmap(expm)(jnp.asarray(A, dtype)))
    assert computed.dtype == dtype
    for got, matrix in zip(computed, A, strict=True):
        expected = scipy.linalg.expm(matrix)
        np.testing.assert_allclose(got, expected, atol=tolerance * np.abs(expected).max())


def test_an_explicit_batch_gives_what_vmap_gives():
    A = jnp.asarray(matrices(np.random.default_rng(1), skew=True), jnp.float32)
    np.testing.assert_allclose(expm(A), jax.vmap(expm)(A), atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_spoils_no_other_matrix_of_a_batch(value):
    matrix = 2 * jax.random.normal(jax.random.key(0), (4, 4))
    both = expm(jnp.stack([jnp.full((4, 4), value), matrix]))
    np.testing.assert_array_equal(both[1], expm(matrix))
    assert not jnp.isfinite(both[0]).any()


def test_small_matrices_are_not_squared():
    counts = [int(_squarings(jnp.diag(jnp.array([norm, 0.0])))) for norm in (0.01, 0.49, 0.9, 3.9)]
    assert counts == [0, 0, 1, 3]


def test_expm_ends_on_what_is_not_finite():
    for bad in (jnp.nan, jnp.inf, 1e30):
        assert not np.isfinite(expm(jnp.full((3, 3), bad))).all()


def test_the_derivative_is_that_of_scipy_in_both_modes():
    A = matrices(np.random.default_rng(2))[2:]
    E, G = np.random.default_rng(3).normal(size=(2, *A.shape))
    expected = np.stack([scipy.linalg.expm_frechet(a, e, compute_expm=False) for a, e in zip(A, E, strict=True)])
    with jax.enable_x64(True):
        forward = np.asarray(jax.jvp(jax.vmap(expm), (jnp.asarray(A),), (jnp.asarray(E),))[1])
        backward = np.asarray(jax.vjp(jax.vmap(expm), jnp.asarray(A))[1](jnp.asarray(G))[0])
    np.testing.assert_allclose(forward, expected, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(np.sum(backward * E), np.sum(G * expected), rtol=1e-10)


@pytest.mark.parametrize(("norm", "is_right"), [(500.0, True), (1100.0, False)])
def test_a_derivative_is_right_or_nan(norm, is_right):
    A = norm * np.array([[0.0, -1.0], [1.0, 0.0]])
    E = np.array([[0.3, -1.0], [0.2, 0.7]])
    for dtype, tolerance in ((np.float32, 1e-3), (np.float64, 1e-10)):
        with jax.enable_x64(dtype is np.float64):
            found = np.asarray(jax.jvp(expm, (jnp.asarray(A, dtype),), (jnp.asarray(E, dtype),))[1])
        if is_right:
            np.testing.assert_allclose(found, scipy.linalg.expm_frechet(A, E, compute_expm=False), atol=tolerance)
        else:
            assert np.isnan(found).all()


def test_expm_has_second_derivatives():
    with jax.enable_x64(True):
        A, E, G = jax.random.normal(jax.random.key(0), (3, 2, 2), jnp.float64)
        gradient = jax.jit(jax.grad(lambda A: jnp.sum(G * expm(A))))
        second = np.asarray(jax.jvp(gradient, (A,), (E,))[1])
        difference = np.asarray(gradient(A + 1e-5 * E) - gradient(A - 1e-5 * E)) / 2e-5
    np.testing.assert_allclose(second, difference, rtol=1e-7)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7)])
def test_a_newton_schulz_step_squares_the_violation(shape):
    rng = np.random.default_rng(4)
    U, _, Vt = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    moved = (U * (1 + 1e-2)) @ Vt
    with jax.enable_x64(True):
        singular = np.linalg.svd(newton_schulz(jnp.asarray(moved)), compute_uv=False)
    np.testing.assert_allclose(singular, 1 - 1.5e-4, atol=2e-6)


def test_commutator_of_rotations_about_x_and_y_turns_about_z():
    x, y, z = (np.cross(np.eye(3), axis) for axis in np.eye(3))
    np.testing.assert_array_equal(commutator(jnp.asarray(x), jnp.asarray(y)), z)


def test_products_run_from_left_to_right_in_full_precision():
    A, B, C = jax.random.normal(jax.random.key(0), (3, 4, 4))
    np.testing.assert_allclose(matmul(A, B, C), (np.asarray(A) @ B) @ C, rtol=1e-4)
    for function in (lambda A: matmul(A, A), newton_schulz, expm, lambda A: commutator(A, A.T)):
        program = str(jax.make_jaxpr(function)(A))
        assert program.count("dot_general") == program.count("precision=(Precision.HIGHEST") > 0
