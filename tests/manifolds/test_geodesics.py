"""The closed forms of spheres, subspaces and positive-definite matrices, and what keeps points there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from odes_rl.manifolds import Grassmann, Manifold, PositiveDefinite, Sphere, Stiefel
from odes_rl.manifolds.matrix_functions import square_roots


def drawn(manifold: Manifold, shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """A point, and tangent coordinates at it."""
    keys = jax.random.split(jax.random.key(3))
    point = manifold.random(keys[0], shape)
    return point, manifold.to_tangent(point, jax.random.normal(keys[1], shape))


@pytest.mark.parametrize("length", [1e-3, 1.0, np.pi, 10.0])
def test_the_sphere_has_great_circles(length):
    point, tangent = drawn(Sphere(), (3, 5))
    tangent = length * tangent / jnp.linalg.norm(tangent, axis=-1, keepdims=True)
    end = Sphere().exp(point, tangent + 0.7 * point)  # what is radial moves nothing
    np.testing.assert_allclose(end, np.cos(length) * point + np.sin(length) / length * tangent, atol=2e-6)
    np.testing.assert_allclose(Sphere().perturb(point, tangent, -1.0), 2 * np.cos(length) * point - end, atol=4e-6)


@pytest.mark.parametrize("shape", [(9, 2), (6, 4), (2, 9)])
def test_subspaces_move_along_the_geodesic_of_singular_values(shape):
    """Edelman, Arias & Smith 1998, theorem 2.3."""
    point, tangent = drawn(Grassmann(), shape)
    wide = shape[0] < shape[1]
    Y, H = (np.asarray(a.T if wide else a, np.float64) for a in (point, tangent))
    U, angles, Vt = np.linalg.svd(H, full_matrices=False)
    expected = Y @ Vt.T @ np.diag(np.cos(angles)) @ Vt + U @ np.diag(np.sin(angles)) @ Vt
    within = jnp.asarray(Y @ np.ones((Y.shape[1], Y.shape[1])), jnp.float32)
    end = Grassmann().exp(point, tangent + (within.T if wide else within))
    np.testing.assert_allclose(end.T if wide else end, expected, atol=3e-6)


def test_the_whole_space_stays():
    point, tangent = drawn(Grassmann(), (4, 4))
    np.testing.assert_allclose(tangent, np.zeros((4, 4)), atol=2e-6)
    np.testing.assert_allclose(Grassmann().perturb(point, jnp.ones((4, 4)), 1.0), point, atol=2e-6)


def test_positive_definite_matrices_move_along_affine_invariant_geodesics():
    point, tangent = drawn(PositiveDefinite(), (5, 5))
    P, Z = np.asarray(point, np.float64), np.asarray(tangent, np.float64)
    root = np.real(scipy.linalg.sqrtm(P))
    inverse = np.linalg.inv(root)
    X = root @ Z @ root
    expected = root @ scipy.linalg.expm(inverse @ X @ inverse) @ root
    end = PositiveDefinite().exp(point, tangent)
    np.testing.assert_allclose(end, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    lengths = np.log(scipy.linalg.eigh(np.asarray(end, np.float64), P, eigvals_only=True))
    assert np.linalg.norm(lengths) == pytest.approx(np.linalg.norm(Z), rel=1e-3)


def test_a_positive_definite_candidate_agrees_with_the_geodesic_to_second_order():
    with jax.enable_x64(True):
        point, _ = drawn(PositiveDefinite(), (4, 4))
        noise = jax.random.normal(jax.random.key(9), (4, 4))
        _, inverse = square_roots(point)
        coordinates = inverse @ (noise + noise.T) @ inverse / 2

        def gap(s: float) -> float:
            candidate = PositiveDefinite().perturb(point, noise, s)
            return float(jnp.abs(candidate - PositiveDefinite().exp(point, s * coordinates)).max())

        assert gap(0.01) == pytest.approx(gap(0.02) / 8, rel=0.05)


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_no_noise_leaves_the_positive_definite_matrices(scale):
    point = jnp.diag(jnp.array([1.0, 1e-1, 1e-3]))
    noise = jax.random.normal(jax.random.key(4), (3, 3))
    candidate = PositiveDefinite().perturb(point, noise, scale)
    assert np.linalg.eigvalsh(np.asarray(candidate, np.float64)).min() > -1e-6 * np.abs(candidate).max()
    np.testing.assert_array_equal(candidate, candidate.T)


@pytest.mark.parametrize("condition", [1.0, 1e2, 1e5])
def test_square_roots_are_those_of_the_eigenvalues(condition):
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    eigenvalues = 7 * np.geomspace(1, 1 / condition, 6)
    P = jnp.asarray((turn * eigenvalues) @ turn.T, jnp.float32)
    root, inverse = jax.jit(square_roots)(P)
    np.testing.assert_allclose(root, (turn * eigenvalues**0.5) @ turn.T, atol=1e-5)
    expected = (turn * eigenvalues**-0.5) @ turn.T
    np.testing.assert_allclose(inverse, expected, atol=1e-6 * condition**0.5 * np.abs(expected).max())
    stacked = square_roots(jnp.stack([P, 4 * P]))
    np.testing.assert_allclose(stacked[0][1], 2 * root, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("condition", [1e8, 1e12])
def test_square_roots_in_double_precision_hold_for_large_conditions(condition):
    with jax.enable_x64(True):
        P = jnp.diag(jnp.array([1.0, 0.5, 1 / condition]))
        root, inverse = square_roots(P)
        np.testing.assert_allclose(jnp.diag(root), jnp.diag(P) ** 0.5, rtol=1e-6)
        np.testing.assert_allclose(jnp.diag(inverse), jnp.diag(P) ** -0.5, rtol=1e-6)
        assert PositiveDefinite().inside(P)


def test_violations_of_the_curved_ones_are_seen():
    assert Sphere().violation(jnp.array([[0.0, 1], [0, 2]])) == 3
    assert Grassmann().violation(2 * jnp.eye(2, 3)) == 3
    assert PositiveDefinite().violation(jnp.array([[1.0, 2], [2, 1]])) == 3
    assert PositiveDefinite().violation(jnp.array([[1.0, 0.5], [0, 1]])) == 0.5
    assert PositiveDefinite().violation(jnp.stack([jnp.eye(2), jnp.diag(jnp.array([1.0, -0.25]))])) == 0.25
    with pytest.raises(ValueError, match=r"\(\), but unit vectors have an axis: give \(d,\)"):
        Sphere().random(jax.random.key(0), ())


@pytest.mark.parametrize("shape", [(9, 3), (4, 3)])
def test_a_perturbation_of_length_zero_has_a_derivative(shape):
    point = Stiefel().random(jax.random.key(4), shape)
    weights = jax.random.normal(jax.random.key(5), shape)
    found = jax.grad(lambda noise: jnp.sum(weights * Stiefel().perturb(point, noise, 1.0)))(jnp.zeros(shape))
    inner = point.T @ weights
    np.testing.assert_allclose(found, weights - point @ (inner + inner.T) / 2, atol=1e-5)


@pytest.mark.parametrize("shape", [(9, 3), (4, 3), (3, 9)])
def test_points_along_a_leading_axis_are_perturbed_each_by_itself(shape):
    point_key, noise_key = jax.random.split(jax.random.key(2))
    points = Stiefel().random(point_key, (2, *shape))
    noise = jax.random.normal(noise_key, points.shape)
    together = Stiefel().perturb(points, noise, 0.3)
    for point, own, moved in zip(points, noise, together, strict=True):
        np.testing.assert_allclose(moved, Stiefel().perturb(point, own, 0.3), atol=1e-6)
