"""The interface of manifolds."""

from typing import Protocol

import jax


class Manifold(Protocol):
    """The manifold of a leaf. `scale` and tangents are in the units of the point's entries.

    Where coordinates have a part that leaves the point at rest, `horizontal(point, tangent)` is the rest of them
    (`tree_horizontal`). Where the equation holds on a boundary too, `inside(point)` tells its points from the others.
    """

    def to_tangent(self, point: jax.Array, gradient: jax.Array) -> jax.Array:
        """Tangent coordinates of a Euclidean gradient of the point's shape, an ascent direction."""
        ...

    def exp(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """The point moved along any tangent coordinates; once a generation."""
        ...

    def perturb(self, point: jax.Array, noise: jax.Array, scale: jax.Array | float) -> jax.Array:
        """The point moved along `scale` times the orthogonal projection of ambient `noise` of its shape.

        Each candidate: cheap under `vmap`.
        """
        ...

    def random(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """A random point of that shape."""
        ...

    def violation(self, point: jax.Array) -> jax.Array:
        """Scalar: how far the point's defining equation is from holding, its largest entry."""
        ...

    def dimension(self, shape: tuple[int, ...]) -> int:
        """Dimensions in which points of that shape move: the rank of `to_tangent`."""
        ...

    def stored(self, shape: tuple[int, ...]) -> int:
        """Number of parameters stored for a point of that shape: the dimension of the linear span of all points."""
        ...
