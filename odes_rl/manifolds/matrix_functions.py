"""Functions of matrices in full precision: products, bracket, exponential, roots, a step towards orthonormality.

All take [..., d, d] (or [..., p, q] where said) and keep the dtype. Products use `Precision.HIGHEST`: the
default on TPU and recent GPUs is narrower than float32, and what it rounds away is orthogonality.
"""

from math import ceil, log, log2

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_ROOT = np.sqrt(177.0)
_X3 = 2 / 3
_X1 = _X3 * (1 + _ROOT) / 88
_X2 = _X3 * (1 + _ROOT) / 352
_X4 = (29 * _ROOT - 271) / (315 * _X3)
_X5 = 11 * (_ROOT - 1) / (1260 * _X3)
_X6 = 11 * (_ROOT - 9) / (5040 * _X3)
_X7 = (89 - _ROOT) / (5040 * _X3**2)
_Y2 = (857 - 58 * _ROOT) / 630

_LONGEST_SCALING = 64
"""Halvings at most: a norm beyond 2⁶⁴ gives infinities or NaN anyway, and a loop has to end."""
_LAST_ROOT_STEPS = 6
"""Of an iteration that multiplies a small eigenvalue by 9/4, and then squares its distance from 1: those of the end."""
_LARGEST_DIFFERENTIATED = 512.0
"""1-norm up to which an exponential has a derivative, which goes through as many squarings as that needs: a scan has a
fixed length."""


def matmul(*factors: jax.Array) -> jax.Array:
    """[..., p, q] product of the factors, from left to right, in full precision."""
    product = factors[0]
    for factor in factors[1:]:
        product = jnp.matmul(product, factor, precision=lax.Precision.HIGHEST)
    return product


def commutator(left: jax.Array, right: jax.Array) -> jax.Array:
    """[..., d, d] bracket [A, B] = AB − BA."""
    return matmul(left, right) - matmul(right, left)


def symmetric_part(matrix: jax.Array) -> jax.Array:
    """[..., d, d] ½(A + Aᵀ), symmetric to the last bit."""
    return 0.5 * (matrix + matrix.mT)


def newton_schulz(point: jax.Array) -> jax.Array:
    """[..., p, q] one Newton–Schulz step Ω(3I − ΩᵀΩ)/2 towards orthonormal columns (rows, if p < q).

    A violation v becomes ¾v² + O(v³) (Björck & Bowie 1971): rounding does not add up over updates.
    """
    if point.shape[-2] < point.shape[-1]:
        return newton_schulz(point.mT).mT
    return 1.5 * point - 0.5 * matmul(point, matmul(point.mT, point))


def square_roots(P: jax.Array) -> tuple[jax.Array, jax.Array]:
    """[..., d, d] symmetric P^½ and P^(−½) of positive-definite matrices, by products alone.

    The coupled Newton–Schulz iteration (Higham 2008, "Functions of Matrices", equation 6.35), in as many steps as the
    greatest condition that the dtype tells from infinity needs.
    """
    identity = jnp.eye(P.shape[-1], dtype=P.dtype)
    # A norm above the largest eigenvalue: those of the scaled matrix are in (0, 1], where it converges.
    size = jnp.max(jnp.sum(jnp.abs(P), axis=-1), axis=-1)[..., None, None]

    def step(roots: tuple[jax.Array, jax.Array], _: None) -> tuple[tuple[jax.Array, jax.Array], None]:
        root, inverse = roots
        towards = 1.5 * identity - 0.5 * matmul(inverse, root)
        return (matmul(root, towards), matmul(towards, inverse)), None

    start = (P / size, jnp.broadcast_to(identity, P.shape))
    growing = ceil(log(float(jnp.finfo(P.dtype).eps)) / log(4 / 9))
    (root, inverse), _ = lax.scan(step, start, length=growing + _LAST_ROOT_STEPS)
    scale = jnp.sqrt(size)
    return symmetric_part(scale * root), symmetric_part(inverse / scale)


@jax.custom_jvp
def expm(A: jax.Array) -> jax.Array:
    """[..., d, d] exponentials: a degree-8 Taylor polynomial, with scaling and squaring as the norm needs.

    A matrix whose 1-norm is below ½ (float32; 0.05 in float64) costs three products, and under `vmap` a batch
    costs as many squarings as its largest member. `jax.scipy.linalg.expm` evaluates every Padé branch there.
    Differentiable in both modes and any order up to a 1-norm of 512; far beyond it derivatives are NaN. Bader, Blanes &
    Casas 2019, "Computing the matrix exponential with an optimized Taylor polynomial approximation".
    """
    count = _squarings(A)
    start = _taylor8(_halved(A, count))
    # The count is one for all leading axes: an explicit batch then needs no select.
    return lax.fori_loop(0, count, lambda _, E: matmul(E, E), start)


@expm.defjvp
def _expm_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    # A loop of dynamic length cannot be transposed, a scan can.
    return expm(primals[0]), jax.jvp(_expm_by_scan, primals, tangents)[1]


def _expm_by_scan(A: jax.Array) -> jax.Array:
    longest = ceil(log2(_LARGEST_DIFFERENTIATED / _threshold(A.dtype)))
    count = _squarings(A)
    A = jnp.where(count <= longest, A, jnp.nan)  # no derivative is better than a wrong one

    def square(E: jax.Array, i: jax.Array) -> tuple[jax.Array, None]:
        # Selecting the factor, not the product, keeps an overflow nobody wants out of the derivative; under
        # vmap a cond would compute both, and JAX 0.10 cannot transpose it there.
        return matmul(E, jnp.where(i < count, E, jnp.eye(E.shape[-1], dtype=E.dtype))), None

    return lax.scan(square, _taylor8(_halved(A, count)), jnp.arange(longest, dtype=jnp.int32))[0]


def _squarings(A: jax.Array) -> jax.Array:
    """[] int32: how often to halve A until the series' error θ⁸/9! is below the rounding unit.

    That of the largest matrix of a batch, but for those that are not finite.
    """
    norms = jnp.max(jnp.sum(jnp.abs(lax.stop_gradient(A)), axis=-2), axis=-1, initial=0.0)
    norm = jnp.max(jnp.where(jnp.isfinite(norms), norms, 0.0), initial=0.0)
    count = jnp.ceil(jnp.log2(jnp.maximum(norm / _threshold(A.dtype), 1.0)))
    return jnp.where(jnp.isfinite(count), jnp.minimum(count, _LONGEST_SCALING), 0).astype(jnp.int32)


def _threshold(dtype: jnp.dtype) -> float:
    """The 1-norm up to which the series needs no squaring."""
    return 0.05 if dtype == jnp.float64 else 0.5


def _halved(A: jax.Array, count: jax.Array) -> jax.Array:
    # ldexp is exact, exp2 need not be.
    return A * lax.stop_gradient(jnp.ldexp(jnp.ones((), A.dtype), -count))


def _taylor8(A: jax.Array) -> jax.Array:
    """Σ_{k ≤ 8} Aᵏ/k! in three products."""
    identity = jnp.eye(A.shape[-1], dtype=A.dtype)
    A2 = matmul(A, A)
    A4 = matmul(A2, float(_X1) * A + float(_X2) * A2)
    left = float(_X3) * A2 + A4
    right = float(_X4) * identity + float(_X5) * A + float(_X6) * A2 + float(_X7) * A4
    return identity + A + float(_Y2) * A2 + matmul(left, right)
