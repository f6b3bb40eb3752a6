"""Matrices with orthonormal columns or rows."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.errors import check_name
from odes_rl.manifolds.matrix_functions import expm, matmul, newton_schulz
from odes_rl.manifolds.shapes import require_matrices

Metric = Literal["canonical", "embedded"]
"""How lengths on Stiefel manifolds are measured: along geodesics of the group, or as in the space of all matrices."""


def check_metric(metric: object) -> None:
    """Raise UserError if there is no such metric."""
    check_name("metric", metric, get_args(Metric))


@dataclass(frozen=True)
class Stiefel:
    """Matrices [p, q] with orthonormal columns ("tall", p ≥ q) or rows ("wide", p < q), by shape.

    Under the canonical metric (Edelman, Arias & Smith 1998, §2.4.1) the gradient is G − ΩGᵀΩ. Under the embedded one,
    which Choromanski et al. name and in which `perturb` moves, it is G − Ω sym(ΩᵀG), and turns half as far within the
    span of Ω. Coordinates are skew: A ∈ Skew(p) acts on the left of a tall matrix, B ∈ Skew(q) on the right of a wide
    one, since a left rotation would never change its row space.

    Attributes:
        metric: in which gradients are taken.

    Raises:
        UserError: if there is no such metric.
    """

    metric: Metric = "canonical"

    def __post_init__(self) -> None:
        check_metric(self.metric)

    def to_tangent(self, point: jax.Array, gradient: jax.Array) -> jax.Array:
        """GΩᵀ − ΩGᵀ, [p, p], or for wide points ΩᵀG − GᵀΩ, [q, q]; under the embedded metric `lift`, by its sign."""
        if self.metric == "embedded":
            return -lift(point.mT, gradient.mT) if _is_wide(point) else lift(point, gradient)
        if _is_wide(point):
            return _skew_difference(matmul(point.mT, gradient))
        return _skew_difference(matmul(gradient, point.mT))

    def horizontal(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """A − (I − ΩΩᵀ)A(I − ΩΩᵀ) for skew A, or with ΩᵀΩ for a wide point: without the part that AΩ (ΩB) is blind to.

        Coordinates of gradients are horizontal at their own point, an optimiser's need not be: Adam's are not, nor what
        momentum remembers of points before.
        """
        tall = point.mT if _is_wide(point) else point
        return lift(tall, matmul(tangent, tall))

    def exp(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """[p, q] matrix eᴬΩ, or Ωeᴮ from a wide point, after one Newton–Schulz step.

        Along a gradient's coordinates it is the canonical geodesic (Edelman, Arias & Smith 1998, §2.4.2).
        """
        turned = matmul(point, expm(tangent)) if _is_wide(point) else matmul(expm(tangent), point)
        return newton_schulz(turned)

    def perturb(self, point: jax.Array, noise: jax.Array, scale: jax.Array | float) -> jax.Array:
        """[p, q] geodesic from Ω along scale · (ε − Ω sym(Ωᵀε)), the projected noise ε.

        A point whose small side is less than half of its large one moves by an exponential of twice the small
        side, others by one of the large side; both are exact. One Newton–Schulz step follows.
        """
        if _is_wide(point):
            return self.perturb(point.mT, noise.mT, scale).mT
        if 2 * point.shape[-1] < point.shape[-2]:
            return _low_rank_geodesic(point, noise, scale)
        return newton_schulz(matmul(expm(scale * lift(point, noise)), point))

    def random(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """A draw from the Haar measure, [p, q]; a square one has determinant −1 half the time.

        The signs of R's diagonal must be moved into Q, without which QR does not give Haar (Mezzadri 2007).

        Raises:
            ValueError: if the shape is not that of matrices.
        """
        require_matrices(shape)
        tall = shape if shape[-2] >= shape[-1] else (*shape[:-2], shape[-1], shape[-2])
        Q, R = jnp.linalg.qr(jax.random.normal(key, tall))
        signs = jnp.where(jnp.diagonal(R, axis1=-2, axis2=-1) < 0, -1, 1).astype(Q.dtype)
        point = newton_schulz(Q * signs[..., None, :])
        return point if tall == shape else point.mT

    def violation(self, point: jax.Array) -> jax.Array:
        """Scalar: max |ΩᵀΩ − I|, or max |ΩΩᵀ − I| for wide points."""
        tall = point.mT if _is_wide(point) else point
        gram = matmul(tall.mT, tall)
        return jnp.max(jnp.abs(gram - jnp.eye(gram.shape[-1], dtype=gram.dtype)), initial=0.0)

    def dimension(self, shape: tuple[int, ...]) -> int:
        """Entries less k(k + 1)/2, the equations that k orthonormal vectors obey, k the small side."""
        small = min(shape[-2:])
        return math.prod(shape) - math.prod(shape[:-2]) * small * (small + 1) // 2

    def stored(self, shape: tuple[int, ...]) -> int:
        """As many as entries."""
        return math.prod(shape)


def lift(point: jax.Array, noise: jax.Array) -> jax.Array:
    """[p, p] skew X with XΩ = ε − Ω sym(Ωᵀε), for a tall point Ω and ambient noise ε, both [p, q].

    X = PεΩᵀ − ΩεᵀP with P = I − ½ΩΩᵀ, so a candidate's displacement is the noise's orthogonal projection.
    """
    projected = noise - 0.5 * matmul(point, matmul(point.mT, noise))
    return _skew_difference(matmul(projected, point.mT))


def _low_rank_geodesic(point: jax.Array, noise: jax.Array, scale: jax.Array | float) -> jax.Array:
    """Canonical geodesic [p, q] from a tall point, by an exponential of size 2q.

    That of Edelman, Arias & Smith 1998, §2.4.2, in another basis. The lift X of the noise maps the span of Ω and
    K = (I − ΩΩᵀ)ε to itself: XΩ = ΩA + K and XK = −ΩG, with A = skew(Ωᵀε) and G = KᵀK. So exp(sX)Ω is
    [Ω, K/c] exp(s [[A, −G/c], [cI, 0]]) [I; 0] for any c > 0. There is no QR of K: it need not have full rank.
    """
    q = point.shape[-1]
    inner = matmul(point.mT, noise)
    K = noise - matmul(point, inner)
    gram = matmul(K.mT, K)
    # The columns' mean length, so that both halves are of one size. No derivative passes: nothing depends on c.
    length = lax.stop_gradient(jnp.sqrt(jnp.trace(gram, axis1=-2, axis2=-1) / q))[..., None, None]
    c = jnp.where(length > 0, length, 1.0)
    identity = jnp.broadcast_to(jnp.eye(q, dtype=gram.dtype), gram.shape)
    generator = jnp.block([[0.5 * _skew_difference(inner), -gram / c], [c * identity, jnp.zeros_like(gram)]])
    turn = expm(scale * generator)[..., :q]
    return newton_schulz(matmul(point, turn[..., :q, :]) + matmul(K, turn[..., q:, :] / c))


def _skew_difference(matrix: jax.Array) -> jax.Array:
    return matrix - matrix.mT


def _is_wide(point: jax.Array) -> bool:
    return point.shape[-2] < point.shape[-1]
