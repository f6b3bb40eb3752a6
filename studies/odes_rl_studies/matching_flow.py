"""Weighted graph matching by an isospectral flow that penalties lead to a permutation.

Of graphs with weights Q and N, symmetric [n, n], a permutation P with PᵀQP near N is sought. On O(n), tr(WᵀQWN) rises
along Ẇ = W[WᵀQW, N] (Brockett 1991), Σ W³ along Ẇ = W(S − Sᵀ), S = Wᵀ(W∘W), and 1ᵀW1 along Ẇ = W(R − Rᵀ),
R = Wᵀ11ᵀ. Both sums are at most n on O(n): the first reaches it at permutations alone (Zavlanos & Pappas 2008), the
second where W1 = 1.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.optimize import linear_sum_assignment

from odes_rl.manifolds import commutator, expm, matmul

_LARGEST_TURN = 0.5
"""Norm of a step's generator, at most."""


def generator(W: jax.Array, Q: jax.Array, N: jax.Array, cubes: float | jax.Array, pull: float) -> jax.Array:
    """[..., n, n] skew B of Ẇ = W B, the ascent of tr(WᵀQWN) + ⅔ cubes Σ W³ + 2 pull 1ᵀW1, at W [..., n, n]."""
    square = matmul(W.mT, W * W)
    columns = jnp.broadcast_to(W.sum(axis=-2)[..., None], W.shape)
    flow = commutator(matmul(W.mT, matmul(Q, W)), N)
    return flow + cubes * (square - square.mT) + pull * (columns - columns.mT)


@partial(jax.jit, static_argnames="steps")
def match(W: jax.Array, Q: jax.Array, N: jax.Array, cubes: float, pull: float, steps: int) -> jax.Array:
    """W [..., n, n] after Lie–Euler steps of length 1, or less where they would turn too far; `cubes` grows from 0."""

    def step(W: jax.Array, share: jax.Array) -> tuple[jax.Array, None]:
        B = generator(W, Q, N, cubes * share, pull)
        length = jnp.sqrt(jnp.sum(B**2, axis=(-2, -1), keepdims=True))
        return matmul(W, expm(B * jnp.minimum(1.0, _LARGEST_TURN / (length + 1e-9)))), None

    return lax.scan(step, W, jnp.arange(1, steps + 1) / steps)[0]


def centred(matrix: np.ndarray) -> np.ndarray:
    """Symmetric [..., n, n] less the means of its diagonal and of the rest, with norm 1; permutations move no mean."""
    n = matrix.shape[-1]
    eye = np.eye(n)
    on = np.trace(matrix, axis1=-2, axis2=-1)[..., None, None] / n
    off = (matrix.sum(axis=(-2, -1), keepdims=True) - n * on) / (n * (n - 1))
    rest = matrix - on * eye - off * (1 - eye)
    return rest / np.linalg.norm(rest, axis=(-2, -1), keepdims=True)


def nearest_permutation(scores: np.ndarray) -> np.ndarray:
    """[n, n] the permutation P with the largest sum of `scores` [n, n] where it is 1 (Hungarian method)."""
    P = np.zeros_like(scores)
    P[linear_sum_assignment(scores, maximize=True)] = 1
    return P


def distance(P: np.ndarray, Q: np.ndarray, N: np.ndarray) -> np.ndarray:
    """[...] ‖PᵀQP − N‖ of matrices [..., n, n]."""
    return np.linalg.norm(P.swapaxes(-1, -2) @ Q @ P - N, axis=(-2, -1))


def spectral(Q: np.ndarray, N: np.ndarray) -> np.ndarray:
    """[n, n] the permutation that is nearest to |V||U|ᵀ, of the eigenvectors of both (Umeyama 1988)."""
    V, U = (np.linalg.eigh(matrix)[1] for matrix in (Q, N))
    return nearest_permutation(np.abs(V) @ np.abs(U).T)
