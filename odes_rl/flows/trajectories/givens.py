"""Orthogonal weights that walk along coordinate planes: products of Givens rotations by angles that grow with time."""

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.flows.trajectories.trajectory import Params, Trajectory, function_of_time
from odes_rl.manifolds import Euclidean, Orthogonal


def partners(hidden: int, rounds: int) -> np.ndarray:
    """[rounds, h] int: the axis with which each axis turns; itself, if it rests.

    The rounds of a tournament (the circle method): after h − 1 of them, h for odd h, all planes have had a turn.
    """
    seats = hidden + hidden % 2
    table = np.tile(np.arange(hidden), (rounds, 1))
    for r in range(rounds):
        circle = [0, *((np.arange(seats - 1) + r) % (seats - 1) + 1)]
        for i, j in zip(circle[: seats // 2], circle[: seats // 2 - 1 : -1], strict=True):
            if i < hidden and j < hidden:
                table[r, i], table[r, j] = j, i
    return table


def givens(hidden: int, rounds: int = 5, scale: float = 1.0) -> Trajectory:
    """Weights [L, h, h] W_t = W₀ R_1(t) ⋯ R_k(t) on O(h), h = `hidden`, k = `rounds` (Davis et al. 2020, §3.1).

    Each round turns all axes in pairs, every pair (i, j) by its own angle ωt: exp(ωt H_ij), with +sin ωt at (i, j) for
    i < j. If all ω are equal, entries of W_t are trigonometric polynomials of degree k in ωt. The rounds' pairs are
    those of `partners`. Parameters: W₀ ∈ O(h) as `initial` [h, h], Haar-random; `speeds` ω [k, ⌊h/2⌋] in radians,
    normal of deviation `scale`.

    Raises:
        ValueError: if there is no round, or no plane to turn in.
    """
    if rounds < 1 or hidden < 2:
        raise ValueError(f"rounds is {rounds} and hidden {hidden}, allowed are rounds ≥ 1 and hidden ≥ 2")
    manifolds = {"initial": Orthogonal(), "speeds": Euclidean(scale)}
    others = partners(hidden, rounds)
    signs = np.sign(np.arange(hidden) - others).astype(np.float32)
    lower = [np.flatnonzero(sign < 0) for sign in signs]

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key)
        speeds = scale * jax.random.normal(keys[1], (rounds, hidden // 2))
        return {"initial": manifolds["initial"].random(keys[0], (hidden, hidden)), "speeds": speeds}

    def weights(params: Params, times: jax.Array) -> jax.Array:
        W = jnp.broadcast_to(params["initial"], (times.shape[0], hidden, hidden))
        for speeds, other, sign, first in zip(params["speeds"], others, signs, lower, strict=True):
            each = jnp.zeros(hidden).at[first].set(speeds).at[other[first]].set(speeds)
            angles = (times[:, None] * each)[:, None, :]
            # Column j of W R is cos · w_j + R[i, j] · w_i: +sin where i < j, −sin where i > j.
            W = W * jnp.cos(angles) + W[..., other] * (jnp.sin(angles) * sign)
        return W

    return function_of_time(init, manifolds, weights)
