"""The manifolds that parameters live on: Euclidean space, symmetric, orthogonal and Stiefel matrices.

A manifold is a frozen dataclass that JAX does not know as a container: it is one leaf of a pytree that
mirrors the parameters. Tangent coordinates lie in a fixed linear space (vectors, symmetric or skew
matrices), so one optimiser serves a whole tree and only `exp` knows the manifold (equation 8 of Choromanski
et al. 2020).
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import jax
import jax.numpy as jnp

from odes_rl.matrix_functions import expm, matmul, newton_schulz

Metric = Literal["canonical", "embedded"]
"""How lengths on Stiefel manifolds are measured: along geodesics of the group, or as in the space of all matrices."""


class Manifold(Protocol):
    """What a leaf's manifold can do. `scale` and tangents are in the units of the point's entries.

    Where coordinates have a part that leaves the point at rest, `horizontal(point, tangent)` is the rest of them
    (`tree_horizontal`).
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
        """Trained numbers that a point of that shape is told by: the dimension of the linear span of all points."""
        ...


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


@dataclass(frozen=True)
class Symmetric:
    """Symmetric matrices [d, d] with the Euclidean metric; coordinates are symmetric.

    Attributes:
        scale: what the random points' spectral radius tends to as d grows.
    """

    scale: float = 1.0

    def to_tangent(self, point: jax.Array, gradient: jax.Array) -> jax.Array:
        """[d, d] symmetric part of the gradient."""
        return _symmetric_part(gradient)

    def exp(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """Point + tangent, [d, d], symmetric to the last bit: compilers round Q and Qᵀ differently."""
        return _symmetric_part(point + tangent)

    def perturb(self, point: jax.Array, noise: jax.Array, scale: jax.Array | float) -> jax.Array:
        """Point + scale · (noise's symmetric part), [d, d]."""
        return point + scale * _symmetric_part(noise)

    def random(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """A draw from the Gaussian orthogonal ensemble, [d, d].

        Entries off the diagonal have variance scale²/4d: by the semicircle law the spectral radius tends to
        `scale`.

        Raises:
            ValueError: if the shape is not square.
        """
        _require_square(shape, "symmetric")
        return self.scale * (2 * shape[-1]) ** -0.5 * _symmetric_part(jax.random.normal(key, shape))

    def violation(self, point: jax.Array) -> jax.Array:
        """Scalar: max |Q − Qᵀ|."""
        return jnp.max(jnp.abs(point - point.mT), initial=0.0)

    def dimension(self, shape: tuple[int, ...]) -> int:
        """d(d + 1)/2."""
        return math.prod(shape[:-1]) * (shape[-1] + 1) // 2

    def stored(self, shape: tuple[int, ...]) -> int:
        """d(d + 1)/2: what is below the diagonal is above it, too."""
        return self.dimension(shape)


@dataclass(frozen=True)
class Stiefel:
    """Matrices [p, q] with orthonormal columns ("tall", p ≥ q) or rows ("wide", p < q), by shape.

    Under the canonical metric (Edelman, Arias & Smith 1998, §2.4.1) the gradient is G − ΩGᵀΩ. Under the embedded one,
    which Choromanski et al. name and in which `perturb` moves, it is G − Ω sym(ΩᵀG), and turns half as far within the
    span of Ω. Coordinates are skew: A ∈ Skew(p) acts on the left of a tall matrix, B ∈ Skew(q) on the right of a wide
    one, since a left rotation would never change its row space.

    Attributes:
        metric: in which gradients are taken.
    """

    metric: Metric = "canonical"

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
        """
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


@dataclass(frozen=True)
class Orthogonal:
    """Orthogonal matrices [d, d], both components, with a metric of `Stiefel`.

    On square matrices the canonical gradient W(WᵀG − GᵀW) is twice that of the embedded metric. Coordinates A ∈
    Skew(d) act on the left. An update never changes the determinant.

    Attributes:
        metric: in which gradients are taken.
    """

    metric: Metric = "canonical"

    def to_tangent(self, point: jax.Array, gradient: jax.Array) -> jax.Array:
        """GWᵀ − WGᵀ, [d, d], or half of that under the embedded metric."""
        canonical = Stiefel().to_tangent(point, gradient)
        return canonical if self.metric == "canonical" else 0.5 * canonical

    def exp(self, point: jax.Array, tangent: jax.Array) -> jax.Array:
        """[d, d] matrix eᴬW, after one Newton–Schulz step."""
        return Stiefel().exp(point, tangent)

    def perturb(self, point: jax.Array, noise: jax.Array, scale: jax.Array | float) -> jax.Array:
        """[d, d] matrix eˣW with X = scale · ½(εWᵀ − Wεᵀ) for noise ε, after one Newton–Schulz step."""
        return self.exp(point, (0.5 * scale) * Stiefel().to_tangent(point, noise))

    def random(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """A draw from the Haar measure, [d, d]; its determinant is −1 half the time.

        Raises:
            ValueError: if the shape is not square.
        """
        _require_square(shape, "orthogonal")
        return Stiefel().random(key, shape)

    def violation(self, point: jax.Array) -> jax.Array:
        """Scalar: max |WᵀW − I|."""
        return Stiefel().violation(point)

    def dimension(self, shape: tuple[int, ...]) -> int:
        """d(d − 1)/2."""
        return Stiefel().dimension(shape)

    def stored(self, shape: tuple[int, ...]) -> int:
        """As many as entries."""
        return math.prod(shape)


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


MANIFOLDS: dict[str, type[Manifold]] = {
    "euclidean": Euclidean,
    "symmetric": Symmetric,
    "orthogonal": Orthogonal,
    "stiefel": Stiefel,
}


def lift(point: jax.Array, noise: jax.Array) -> jax.Array:
    """[p, p] skew X with XΩ = ε − Ω sym(Ωᵀε), for a tall point Ω and ambient noise ε, both [p, q].

    X = PεΩᵀ − ΩεᵀP with P = I − ½ΩΩᵀ, so a candidate's displacement is the noise's orthogonal projection.
    """
    projected = noise - 0.5 * matmul(point, matmul(point.mT, noise))
    return _skew_difference(matmul(projected, point.mT))


def tree_to_tangent(manifolds: Any, params: Any, gradients: Any) -> Any:
    """Tangent coordinates of each leaf's Euclidean gradient."""
    return jax.tree.map(lambda m, *leaf: m.to_tangent(*leaf), manifolds, params, gradients)


def tree_horizontal(manifolds: Any, params: Any, tangents: Any) -> Any:
    """Each leaf's tangent coordinates less what does not move the point; a manifold without `horizontal` has none."""
    return jax.tree.map(
        lambda m, x, v: m.horizontal(x, v) if hasattr(m, "horizontal") else v, manifolds, params, tangents
    )


def tree_exp(manifolds: Any, params: Any, tangents: Any) -> Any:
    """Each leaf moved along its tangent coordinates."""
    return jax.tree.map(lambda m, *leaf: m.exp(*leaf), manifolds, params, tangents)


def tree_perturb(manifolds: Any, params: Any, noise: Any, scale: jax.Array | float) -> Any:
    """Each leaf moved on its manifold along `scale` times its ambient noise."""
    return jax.tree.map(lambda m, *leaf: m.perturb(*leaf, scale), manifolds, params, noise)


def tree_ambient(manifolds: Any) -> Any:
    """The spaces around each leaf's manifold, in which it moves freely; what is frozen stays so."""
    return jax.tree.map(lambda manifold: manifold if isinstance(manifold, Frozen) else Euclidean(), manifolds)


def tree_in_metric(manifolds: Any, metric: Metric) -> Any:
    """The same manifolds with that metric, where there is a choice."""
    return jax.tree.map(lambda m: replace(m, metric=metric) if hasattr(m, "metric") else m, manifolds)


def tree_violation(manifolds: Any, params: Any) -> jax.Array:
    """Scalar: the largest violation of any leaf; 0 for an empty tree."""
    violations = jax.tree.leaves(jax.tree.map(lambda m, leaf: m.violation(leaf), manifolds, params))
    return jnp.max(jnp.stack(violations)) if violations else jnp.zeros(())


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
    length = jnp.sqrt(jnp.trace(gram) / q)  # with c the columns' mean length both halves are of one size
    c = jnp.where(length > 0, length, 1.0)
    identity = jnp.eye(q, dtype=gram.dtype)
    generator = jnp.block([[0.5 * _skew_difference(inner), -gram / c], [c * identity, jnp.zeros_like(gram)]])
    turn = expm(scale * generator)[:, :q]
    return newton_schulz(matmul(point, turn[:q]) + matmul(K, turn[q:] / c))


def _skew_difference(matrix: jax.Array) -> jax.Array:
    return matrix - matrix.mT


def _symmetric_part(matrix: jax.Array) -> jax.Array:
    return 0.5 * (matrix + matrix.mT)


def _is_wide(point: jax.Array) -> bool:
    return point.shape[-2] < point.shape[-1]


def _require_square(shape: tuple[int, ...], kind: str) -> None:
    if len(shape) < 2 or shape[-2] != shape[-1]:
        raise ValueError(f"shape is {shape}, but {kind} matrices are square: give (d, d), or use Stiefel")
