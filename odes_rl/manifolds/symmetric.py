"""Symmetric matrices."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from odes_rl.manifolds.matrix_functions import symmetric_part
from odes_rl.manifolds.shapes import require_square


@dataclass(frozen=True)
class Symmetric:
    """Symmetric matrices [d, d] with the Euclidean metric; coordinates are symmetric.

    Attributes:
        scale: what the random points' spectral radius tends to as d grows.
    """

    scale: float = 1.0

    def to_tangent(self, point: jax.Array, gradient: jax.Array) -> jax.Array:
        """[d, d] symmetric part of the gradient."""
        return symmetric_part(gradient)

    def exp(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """Point + tangent, [d, d], symmetric to the last bit: compilers round Q and Qᵀ differently."""
        return symmetric_part(point + tangent)

    def perturb(self, point: jax.Array, noise: jax.Array, scale: jax.Array | float) -> jax.Array:
        """Point + scale · (noise's symmetric part), [d, d]."""
        return point + scale * symmetric_part(noise)

    def random(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """A draw from the Gaussian orthogonal ensemble, [d, d].

        Entries off the diagonal have variance scale²/4d: by the semicircle law the spectral radius tends to
        `scale`.

        Raises:
            ValueError: if the shape is not square.
        """
        require_square(shape, "symmetric")
        return self.scale * (2 * shape[-1]) ** -0.5 * symmetric_part(jax.random.normal(key, shape))

    def violation(self, point: jax.Array) -> jax.Array:
        """Scalar: max |Q − Qᵀ|.

        Raises:
            ValueError: if the shape is not square.
        """
        require_square(point.shape, "symmetric")
        return jnp.max(jnp.abs(point - point.mT), initial=0.0)

    def dimension(self, shape: tuple[int, ...]) -> int:
        """d(d + 1)/2."""
        return math.prod(shape[:-1]) * (shape[-1] + 1) // 2

    def stored(self, shape: tuple[int, ...]) -> int:
        """d(d + 1)/2: what is below the diagonal is above it, too."""
        return self.dimension(shape)
