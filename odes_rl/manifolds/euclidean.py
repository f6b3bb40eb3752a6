"""The space of all arrays."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp


@dataclass(frozen=True)
class Euclidean:
    """All arrays of a shape, with the usual metric; coordinates are the gradient itself, exp is addition.

    Attributes:
        scale: factor on the random points' standard deviation 1/√fan_in, fan_in being the last axis.
        l2_penalty: λ, if λ‖point‖² is subtracted from what is maximised.
    """

    scale: float = 1.0
    l2_penalty: float = 0.0

    def to_tangent(self, point: jax.Array, gradient: jax.Array) -> jax.Array:
        """The gradient, of the point's shape; less the penalty's, 2λ · point, which needs no estimate."""
        return gradient - 2 * self.l2_penalty * point if self.l2_penalty else gradient

    def exp(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """Point + tangent."""
        return point + tangent

    def perturb(self, point: jax.Array, noise: jax.Array, scale: jax.Array | float) -> jax.Array:
        """Point + scale · noise."""
        return point + scale * noise

    def random(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """Independent normal entries of deviation scale/√shape[-1]."""
        fan_in = shape[-1] if shape else 1
        return self.scale / fan_in**0.5 * jax.random.normal(key, shape)

    def violation(self, point: jax.Array) -> jax.Array:
        """Scalar 0."""
        return jnp.zeros((), point.dtype)

    def dimension(self, shape: tuple[int, ...]) -> int:
        """As many as entries."""
        return math.prod(shape)

    def stored(self, shape: tuple[int, ...]) -> int:
        """As many as entries."""
        return math.prod(shape)
