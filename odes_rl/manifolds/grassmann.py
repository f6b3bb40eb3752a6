"""Subspaces."""

import math
from dataclasses import dataclass

import jax

from odes_rl.manifolds.matrix_functions import matmul
from odes_rl.manifolds.stiefel import Stiefel


@dataclass(frozen=True)
class Grassmann:
    """Subspaces, given by orthonormal bases: the columns of a tall matrix [p, q], p ≥ q, the rows of a wide one.

    For functions of the subspace alone, which no rotation of the basis changes. The metric is that of the space around
    on displacements H orthogonal to the subspace, ΩᵀH = 0 (HΩᵀ = 0 if wide), and the canonical one, too (Edelman, Arias
    & Smith 1998, §2.5). Coordinates are matrices of the point's shape, of which the part within the subspace moves
    nothing. A square point is the whole space, and stays.
    """

    def to_tangent(self, point: jax.Array, gradient: jax.Array) -> jax.Array:
        """(I − ΩΩᵀ)G, or G(I − ΩᵀΩ) for wide points (Edelman, Arias & Smith 1998, equation 2.70)."""
        return self.horizontal(point, gradient)

    def horizontal(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """The tangent without its part within the subspace, of the point's shape."""
        if point.shape[-2] < point.shape[-1]:
            return self.horizontal(point.mT, tangent.mT).mT
        return tangent - matmul(point, matmul(point.mT, tangent))

    def exp(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """The geodesic ΩV cos Σ Vᵀ + U sin Σ Vᵀ, with UΣVᵀ the horizontal part of the tangent; the transpose if wide.

        Edelman, Arias & Smith 1998, theorem 2.3, which is the Stiefel manifold's along the same displacement, and needs
        no singular values there.
        """
        return self.perturb(point, tangent, 1.0)

    def perturb(self, point: jax.Array, noise: jax.Array, scale: jax.Array | float) -> jax.Array:
        """The geodesic from Ω along scale · (I − ΩΩᵀ)ε, of the point's shape."""
        return Stiefel().perturb(point, self.horizontal(point, noise), scale)

    def random(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """A basis of a uniform subspace, [p, q], itself a draw from the Haar measure."""
        return Stiefel().random(key, shape)

    def violation(self, point: jax.Array) -> jax.Array:
        """Scalar: max |ΩᵀΩ − I|, or max |ΩΩᵀ − I| for wide points."""
        return Stiefel().violation(point)

    def dimension(self, shape: tuple[int, ...]) -> int:
        """k(n − k), for subspaces of k dimensions, the small side, among n."""
        small, large = sorted(shape[-2:])
        return math.prod(shape[:-2]) * small * (large - small)

    def stored(self, shape: tuple[int, ...]) -> int:
        """As many as entries of the basis."""
        return math.prod(shape)
