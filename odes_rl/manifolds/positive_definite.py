"""Positive-definite matrices."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.manifolds.matrix_functions import expm, matmul, square_roots, symmetric_part
from odes_rl.manifolds.shapes import require_square
from odes_rl.manifolds.symmetric import Symmetric


@dataclass(frozen=True)
class PositiveDefinite:
    """Symmetric matrices [d, d] with positive eigenvalues, with the affine-invariant metric tr(P⁻¹XP⁻¹Y).

    Pennec, Fillard & Ayache 2006, "A Riemannian framework for tensor computing", §3; Bhatia 2007, "Positive Definite
    Matrices", §6.1. Coordinates are symmetric, Z = P^(−½) X P^(−½) for a displacement X: their entries measure lengths.

    Attributes:
        scale: what the spectral radius of the random points' logarithm tends to as d grows.
    """

    scale: float = 1.0

    def to_tangent(self, point: jax.Array, gradient: jax.Array) -> jax.Array:
        """P^½ sym(G) P^½, [d, d]; the displacement is the metric's gradient P sym(G) P."""
        root, _ = square_roots(point)
        return symmetric_part(matmul(root, symmetric_part(gradient), root))

    def exp(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """[d, d] matrix P^½ eᶻ P^½ on the geodesic, as a square: rounding leaves no eigenvalue far below zero."""
        root, _ = square_roots(point)
        return _squared(matmul(root, expm(0.5 * tangent)))

    def perturb(self, point: jax.Array, noise: jax.Array, scale: jax.Array | float) -> jax.Array:
        """P + X + ½XP⁻¹X = ½(P + (P + X)P⁻¹(P + X)), [d, d], for X = scale · (noise's symmetric part).

        It agrees with the geodesic to second order and is positive definite whatever X is (Jeuris, Vandebril &
        Vandereycken 2012), but grows with the square of X where the geodesic grows exponentially: noise is as large
        in directions where P is small.
        """
        _, inverse_root = square_roots(point)
        moved = point + scale * symmetric_part(noise)
        return 0.5 * (symmetric_part(point) + _squared(matmul(moved, inverse_root)))

    def random(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """exp(S), [d, d], with S from the Gaussian orthogonal ensemble.

        Raises:
            ValueError: if the shape is not square.
        """
        require_square(shape, "positive-definite")
        return _squared(expm(0.5 * Symmetric(self.scale).random(key, shape)))

    def violation(self, point: jax.Array) -> jax.Array:
        """Scalar: max |P − Pᵀ|, or how far the first pivot of an elimination that is not positive is below zero.

        Raises:
            ValueError: if the shape is not square.
        """
        require_square(point.shape, "positive-definite")
        return jnp.maximum(Symmetric().violation(point), jnp.max(-_least_pivot(point), initial=0.0))

    def inside(self, point: jax.Array) -> jax.Array:
        """Scalar bool: whether all pivots are above the rounding of the largest entry, so that roots can be taken.

        A singular matrix has no violation, but is on the boundary.
        """
        largest = jnp.abs(point).max(axis=(-2, -1), initial=0.0)
        return jnp.all(_least_pivot(point) > jnp.finfo(point.dtype).eps * largest)

    def dimension(self, shape: tuple[int, ...]) -> int:
        """d(d + 1)/2."""
        return Symmetric().dimension(shape)

    def stored(self, shape: tuple[int, ...]) -> int:
        """d(d + 1)/2: what is below the diagonal is above it, too."""
        return math.prod(shape[:-1]) * (shape[-1] + 1) // 2


def _least_pivot(matrix: jax.Array) -> jax.Array:
    """[...] the least pivot of Gaussian elimination up to the first that is not positive: all are, if the matrix is.

    By hand, since eigenvalues and Cholesky factors are LAPACK's, whose calls must not meet (`es.perturbations`).
    """

    def eliminate(i: jax.Array, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        rest, least = carry
        row, column = rest[..., i, :], rest[..., :, i]
        pivot = row[..., i]
        factors = column / jnp.where(pivot > 0, pivot, 1.0)[..., None]
        return rest - factors[..., :, None] * row[..., None, :], jnp.where(least > 0, jnp.minimum(least, pivot), least)

    start = jnp.full(matrix.shape[:-2], jnp.inf, matrix.dtype)
    return lax.fori_loop(0, matrix.shape[-1], eliminate, (matrix, start))[1]


def _squared(factor: jax.Array) -> jax.Array:
    """[d, d] FFᵀ, symmetric to the last bit."""
    return symmetric_part(matmul(factor, factor.mT))
