"""Unit vectors."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp


@dataclass(frozen=True)
class Sphere:
    """Unit vectors along the last axis [..., d], with the metric of the space around; leading axes are vectors apart.

    A matrix [k, d] is k unit vectors: the oblique manifold. Coordinates are vectors of the point's shape, of which the
    radial part moves nothing. Absil, Mahony & Sepulchre 2008, "Optimization Algorithms on Matrix Manifolds", example
    5.4.1.
    """

    def to_tangent(self, point: jax.Array, gradient: jax.Array) -> jax.Array:
        """The gradient less its radial part, g − x⟨x, g⟩, of the point's shape."""
        return self.horizontal(point, gradient)

    def horizontal(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """The tangent without its radial part, v − x⟨x, v⟩, of the point's shape."""
        return tangent - point * _inner(point, tangent)

    def exp(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """The great circle x cos ‖u‖ + u sin ‖u‖ / ‖u‖ along the horizontal part u of the tangent, at unit length."""
        u = self.horizontal(point, tangent)
        square = _inner(u, u)
        angle = jnp.sqrt(jnp.where(square > 0, square, 1.0))  # a root has no derivative at 0, its functions here have
        cosine = jnp.where(square > 0, jnp.cos(angle), 1 - square / 2)
        sine = jnp.where(square > 0, jnp.sin(angle) / angle, 1 - square / 6)
        return _unit(cosine * point + sine * u)

    def perturb(self, point: jax.Array, noise: jax.Array, scale: jax.Array | float) -> jax.Array:
        """The great circle from x along scale · (ε − x⟨x, ε⟩)."""
        return self.exp(point, scale * noise)

    def random(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """Uniform draws, [..., d].

        Raises:
            ValueError: if the shape has no axis.
        """
        if not shape:
            raise ValueError(f"shape is {shape}, but unit vectors have an axis: give (d,)")
        return _unit(jax.random.normal(key, shape))

    def violation(self, point: jax.Array) -> jax.Array:
        """Scalar: max |⟨x, x⟩ − 1|."""
        return jnp.max(jnp.abs(_inner(point, point) - 1), initial=0.0)

    def dimension(self, shape: tuple[int, ...]) -> int:
        """As many as entries, less one a vector."""
        return math.prod(shape[:-1]) * (shape[-1] - 1)

    def stored(self, shape: tuple[int, ...]) -> int:
        """As many as entries."""
        return math.prod(shape)


def _inner(left: jax.Array, right: jax.Array) -> jax.Array:
    return jnp.sum(left * right, axis=-1, keepdims=True)


def _unit(vector: jax.Array) -> jax.Array:
    return vector / jnp.linalg.norm(vector, axis=-1, keepdims=True)
