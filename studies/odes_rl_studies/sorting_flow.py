"""The isospectral flow that sorts lists, and how sorted what it ends with is."""

from functools import partial
from itertools import combinations
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.flows import isospectral, right_nodes
from odes_rl.manifolds import Orthogonal, matmul

Params = dict[str, jax.Array]
"""W₀ ∈ O(n) as `initial` and symmetric `N`, both [S, n, n]: one of each for each of S seeds."""
Kind = Literal["uniform", "normal", "close"]
KINDS: tuple[Kind, ...] = ("uniform", "normal", "close")
"""Of lists: uniform on [0, 1], normal with the same mean and variance, uniform with close pairs."""
_APART = 0.05
_MOST_MINORS = 12
"""Size of a matrix, at the most, of which the mean minor is computed."""


class Judged(NamedTuple):
    """How well flows sort lists, and what they keep.

    Attributes:
        errors: [S] of the diagonal of H(1), by the kind of lists.
        right: share of uniform lists whose outputs are all right.
        remainder: share of H(1) off its diagonal, mean over uniform lists.
        violation: max |WᵀW − I| at time 1.
        drift: how far an eigenvalue of H(1) is from its entry of the list, at most.
    """

    errors: dict[Kind, np.ndarray]
    right: float
    remainder: float
    violation: float
    drift: float


def draw_lists(kind: Kind, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """[..., n] random lists; of `close` ones each entry of the second half is within 0.05 of one of the first."""
    if kind == "normal":
        return 0.5 + jax.random.normal(key, shape) / 12**0.5
    lists = jax.random.uniform(key, shape)
    if kind == "uniform":
        return lists
    half = shape[-1] // 2
    return lists.at[..., -half:].set(lists[..., :half] + _APART * (2 * lists[..., -half:] - 1))


def weights(params: Params, lists: jax.Array, times: jax.Array) -> jax.Array:
    """W [T, S, B, n, n] of Ẇ = W[WᵀQW, N], Q = diag(x), at `times` [T] for `lists` x [S, B, n], by Lie–Euler steps.

    tr(HN) of H = WᵀQW does not fall, so with N = c diag(1..n) the diagonal of H becomes sorted (Brockett 1991).
    """
    Q = lists[..., None] * jnp.eye(lists.shape[-1])
    start = jnp.broadcast_to(params["initial"][:, None], Q.shape)
    return isospectral(lists.shape[-1]).weights({"initial": start, "Q": Q, "N": params["N"][:, None]}, times)


def turned(W: jax.Array, lists: jax.Array) -> jax.Array:
    """[..., n, n] H = Wᵀ diag(x) W for `lists` x [..., n], which are its eigenvalues."""
    return matmul(W.mT, lists[..., None] * W)


@partial(jax.jit, static_argnames="steps")
def end(params: Params, lists: jax.Array, steps: int) -> tuple[jax.Array, jax.Array]:
    """W and H [S, B, n, n] at time 1, after as many steps."""
    W = weights(params, lists, right_nodes(steps))[-1]
    return W, turned(W, lists)


def outputs_of(params: Params, lists: jax.Array, steps: int) -> jax.Array:
    """[S, B, n] the diagonal of H at time 1, after as many steps."""
    return diagonal(end(params, lists, steps)[1])


def in_eigenbasis(params: Params) -> Params:
    """W₀V and D of N = V D Vᵀ, eigenvalues rising: H(t) of these is VᵀH(t)V of the flow of W₀ and N."""
    D, V = jnp.linalg.eigh(params["N"])
    return {"initial": matmul(params["initial"], V), "N": D[..., None] * jnp.eye(D.shape[-1])}


def diagonal(matrix: jax.Array) -> jax.Array:
    """[..., n] that of a matrix [..., n, n]."""
    return jnp.diagonal(matrix, axis1=-2, axis2=-1)


def error(outputs: jax.Array, lists: jax.Array) -> jax.Array:
    """[...] root mean square of `outputs` [..., B, n] against the sorted `lists` [..., B, n]."""
    return jnp.sqrt(jnp.mean((outputs - jnp.sort(lists)) ** 2, axis=(-2, -1)))


def right(outputs: jax.Array, lists: jax.Array) -> jax.Array:
    """[..., n] whether the entry of the list [..., n] that is nearest to an output is the one that belongs there."""
    nearest = jnp.argmin(jnp.abs(outputs[..., :, None] - jnp.sort(lists)[..., None, :]), axis=-1)
    return nearest == jnp.arange(lists.shape[-1])


def remainder(matrix: jax.Array) -> jax.Array:
    """[...] the norm of a symmetric matrix [..., n, n] off its diagonal, in that of matrix − mean eigenvalue · I."""
    entries = diagonal(matrix)
    off = jnp.sum(matrix**2, axis=(-2, -1)) - jnp.sum(entries**2, axis=-1)
    spread = jnp.sum((entries - entries.mean(axis=-1, keepdims=True)) ** 2, axis=-1)
    return jnp.sqrt(jnp.maximum(off, 0.0) / (off + spread))


def mean_minor(W: np.ndarray) -> float:
    """The geometric mean of |determinants| of the first k columns of W [n, n] and any k rows, k < n.

    It is 0 for permutations, such as W = I: the equilibria of the flow with a diagonal N, in any order.
    """
    n = len(W)
    chosen = [(list(rows), k) for k in range(1, n) for rows in combinations(range(n), k)]
    minors = [abs(np.linalg.det(W[rows, :k])) for rows, k in chosen]
    return float(np.prod(np.power(minors, 1 / len(minors))))


def mean_minors(starts: np.ndarray) -> float | None:
    """The mean of `mean_minor` over starts [S, n, n]; None where n is above 12, since there are 2ⁿ − 2 minors."""
    return float(np.mean([mean_minor(W) for W in starts])) if starts.shape[-1] <= _MOST_MINORS else None


def judge(params: Params, fresh: dict[Kind, jax.Array], steps: int) -> Judged:
    """How well W₀ and N sort `fresh` lists [S, B, n] in so many steps up to time 1."""
    ends: dict[Kind, tuple[jax.Array, jax.Array]] = {kind: end(params, x, steps) for kind, x in fresh.items()}
    errors: dict[Kind, np.ndarray] = {
        kind: np.asarray(error(diagonal(H), fresh[kind])) for kind, (_, H) in ends.items()
    }
    (W, H), lists = ends["uniform"], fresh["uniform"]
    whole = float(right(diagonal(H), lists).all(axis=-1).mean())
    drift = float(jnp.max(jnp.abs(jnp.linalg.eigvalsh(H) - jnp.sort(lists))))
    return Judged(errors, whole, float(remainder(H).mean()), float(Orthogonal().violation(W)), drift)
