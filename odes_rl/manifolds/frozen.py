"""Points that do not move."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from odes_rl.manifolds.manifold import Manifold


@dataclass(frozen=True)
class Frozen:
    """One point, held where it starts: it is neither perturbed nor trained, in any space. Coordinates are zero.

    Attributes:
        manifold: whose random points it starts at, and whose equation it obeys.
    """

    manifold: Manifold

    def to_tangent(self, point: jax.Array, gradient: jax.Array) -> jax.Array:
        """Zeros of the point's shape."""
        return jnp.zeros_like(point)

    def exp(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """The point."""
        return point

    def perturb(self, point: jax.Array, noise: jax.Array, scale: jax.Array | float) -> jax.Array:
        """The point."""
        return point

    def random(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """A random point of the manifold."""
        return self.manifold.random(key, shape)

    def violation(self, point: jax.Array) -> jax.Array:
        """Scalar: the manifold's."""
        return self.manifold.violation(point)

    def dimension(self, shape: tuple[int, ...]) -> int:
        """None."""
        return 0

    def stored(self, shape: tuple[int, ...]) -> int:
        """None that is trained."""
        return 0
