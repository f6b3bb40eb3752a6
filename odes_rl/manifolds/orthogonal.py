"""Orthogonal matrices."""

import math
from dataclasses import dataclass

import jax

from odes_rl.manifolds.shapes import require_square
from odes_rl.manifolds.stiefel import Metric, Stiefel, check_metric

_STIEFEL = Stiefel()


@dataclass(frozen=True)
class Orthogonal:
    """Orthogonal matrices [d, d], both components, with a metric of `Stiefel`.

    On square matrices the canonical gradient W(WᵀG − GᵀW) is twice that of the embedded metric. Coordinates A ∈
    Skew(d) act on the left. An update never changes the determinant.

    Attributes:
        metric: in which gradients are taken.

    Raises:
        UserError: if there is no such metric.
    """

    metric: Metric = "canonical"

    def __post_init__(self) -> None:
        check_metric(self.metric)

    def to_tangent(self, point: jax.Array, gradient: jax.Array) -> jax.Array:
        """GWᵀ − WGᵀ, [d, d], or half of that under the embedded metric."""
        canonical = _STIEFEL.to_tangent(point, gradient)
        return canonical if self.metric == "canonical" else 0.5 * canonical

    def exp(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """[d, d] matrix eᴬW, after one Newton–Schulz step."""
        return _STIEFEL.exp(point, tangent)

    def perturb(self, point: jax.Array, noise: jax.Array, scale: jax.Array | float) -> jax.Array:
        """[d, d] matrix eˣW with X = scale · ½(εWᵀ − Wεᵀ) for noise ε, after one Newton–Schulz step."""
        return self.exp(point, (0.5 * scale) * _STIEFEL.to_tangent(point, noise))

    def random(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """A draw from the Haar measure, [d, d]; its determinant is −1 half the time.

        Raises:
            ValueError: if the shape is not square.
        """
        require_square(shape, "orthogonal")
        return _STIEFEL.random(key, shape)

    def violation(self, point: jax.Array) -> jax.Array:
        """Scalar: max |WᵀW − I|.

        Raises:
            ValueError: if the shape is not square.
        """
        require_square(point.shape, "orthogonal")
        return _STIEFEL.violation(point)

    def dimension(self, shape: tuple[int, ...]) -> int:
        """d(d − 1)/2."""
        return _STIEFEL.dimension(shape)

    def stored(self, shape: tuple[int, ...]) -> int:
        """As many as entries."""
        return math.prod(shape)
