"""Weights each entry of which is one network's output at that entry's embedding and the time (Hyper-NANODE)."""

import jax
import jax.numpy as jnp

from odes_rl.flows.trajectories.trajectory import Params, Trajectory, function_of_time
from odes_rl.manifolds import Euclidean
from odes_rl.manifolds.matrix_functions import matmul


def hypernetwork(hidden: int, embedding: int = 1, width: int = 16) -> Trajectory:
    """Weights [L, h, h] with W_{t,ij} = Ψ([v_ij, t]), h = `hidden` (Davis et al. 2020, equation 11).

    Ψ has one hidden layer: Ψ(u) = o · tanh(U u + c) + d. Parameters: `embeddings` v [h, h, embedding], `inner` U
    [width, embedding], `speeds` [width], the column of U that t meets, `biases` c [width], `outer` o [width] and
    `offset` d [1].

    Embeddings start standard normal, speeds with deviation 0.1, c and d at zero, and units in pairs tanh(Uv + ts) −
    tanh(−Uv + ts): Ψ is odd in v at all times, so the entries have no common mean, which would be an eigenvalue of size
    h. A unit left over by an odd width has no speed. The outer layer is scaled so that the entries of W_0 have mean
    square 1/h: the spectral radius is near 1, whatever t in [0, 1].

    Raises:
        ValueError: if embeddings have no entry, or Ψ no hidden unit.
    """
    for name, size in (("embedding", embedding), ("width", width)):
        if size < 1:
            raise ValueError(f"{name} is {size}, allowed is {name} ≥ 1")
    manifolds = dict.fromkeys(["embeddings", "inner", "speeds", "biases", "outer", "offset"], Euclidean())

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, 4)
        params = {
            "embeddings": jax.random.normal(keys[0], (hidden, hidden, embedding)),
            "inner": _in_pairs(jax.random.normal(keys[1], (width, embedding)), -1),
            "speeds": _in_pairs(0.1 * jax.random.normal(keys[2], (width,)), 1, left_over=0.0),
            "biases": jnp.zeros((width,)),
            "outer": _in_pairs(jax.random.normal(keys[3], (width,)), -1),
            "offset": jnp.zeros((1,)),
        }
        start = weights(params, jnp.zeros((1,)))
        return params | {"outer": params["outer"] / jnp.sqrt(hidden * jnp.mean(start**2))}

    def weights(params: Params, times: jax.Array) -> jax.Array:
        embedded = matmul(params["embeddings"], params["inner"].T) + params["biases"]
        units = jnp.tanh(embedded + times[:, None, None, None] * params["speeds"])
        return matmul(units, params["outer"]) + params["offset"]

    return function_of_time(init, manifolds, weights)


def _in_pairs(drawn: jax.Array, sign: int, left_over: float = 1.0) -> jax.Array:
    """`drawn` [width, …], the second half of which is `sign` times the first; if odd, the last is times `left_over`."""
    half = drawn.shape[0] // 2
    return jnp.concatenate([drawn[:half], sign * drawn[:half], left_over * drawn[2 * half :]])
