"""A manifold: skew-symmetric matrices."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp


@dataclass(frozen=True)
class Skew:
    """Skew-symmetric matrices [d, d] with the Euclidean metric; coordinates are skew."""

    scale: float = 1.0

    def to_tangent(self, point: jax.Array, gradient: jax.Array) -> jax.Array:
        """[d, d] skew part of the gradient."""
        return 0.5 * (gradient - gradient.mT)

    def exp(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """Point + tangent, [d, d]: skew matrices are a linear space."""
        return point + tangent

    def perturb(self, point: jax.Array, noise: jax.Array, scale: jax.Array | float) -> jax.Array:
        """Point + scale · (noise's skew part), [d, d]."""
        return point + scale * self.to_tangent(point, noise)

    def random(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """[d, d] with normal entries of variance scale²/2d."""
        normal = jax.random.normal(key, shape)
        return self.scale * shape[-1] ** -0.5 * self.to_tangent(normal, normal)

    def violation(self, point: jax.Array) -> jax.Array:
        """Scalar: max |A + Aᵀ|."""
        return jnp.max(jnp.abs(point + point.mT), initial=0.0)

    def dimension(self, shape: tuple[int, ...]) -> int:
        """d(d − 1)/2."""
        return shape[-1] * (shape[-1] - 1) // 2

    def stored(self, shape: tuple[int, ...]) -> int:
        """d(d − 1)/2: what is above the diagonal."""
        return self.dimension(shape)
