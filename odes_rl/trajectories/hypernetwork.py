"""Weights each entry of which is one network's output at that entry's embedding and the time (Hyper-NANODE)."""

import jax
import jax.numpy as jnp

from odes_rl.manifolds import Euclidean
from odes_rl.matrix_functions import matmul
from odes_rl.trajectories.base import Params, Trajectory


def hypernetwork(hidden: int, embedding: int = 1, width: int = 16) -> Trajectory:
    """Weights [L, h, h] with W_{t,ij} = Ψ([v_ij, t]), h = `hidden` (Davis et al. 2020, equation 11).

    Ψ has one hidden layer: Ψ(u) = o · tanh(U u + c) + d. Parameters: `embeddings` v [h, h, embedding], `inner` U
    [width, embedding], `speeds` [width], the column of U that t meets, `biases` c [width], `outer` o [width] and
    `offset` d [1].

    Embeddings start standard normal, speeds with deviation 0.1, c and d at zero: Ψ is nearly odd in v, so the entries
    have nearly no common mean, which would be an eigenvalue of size h. The outer layer is scaled so that the entries of
    W_0 have mean square 1/h: its spectral radius is near 1.
    """
    manifolds = dict.fromkeys(["embeddings", "inner", "speeds", "biases", "outer", "offset"], Euclidean())

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, 4)
        params = {
            "embeddings": jax.random.normal(keys[0], (hidden, hidden, embedding)),
            "inner": jax.random.normal(keys[1], (width, embedding)),
            "speeds": 0.1 * jax.random.normal(keys[2], (width,)),
            "biases": jnp.zeros((width,)),
            "outer": jax.random.normal(keys[3], (width,)),
            "offset": jnp.zeros((1,)),
        }
        start = weights(params, jnp.zeros((1,)))
        return params | {"outer": params["outer"] / jnp.sqrt(hidden * jnp.mean(start**2))}

    def weights(params: Params, times: jax.Array) -> jax.Array:
        embedded = matmul(params["embeddings"], params["inner"].T) + params["biases"]
        units = jnp.tanh(embedded + times[:, None, None, None] * params["speeds"])
        return matmul(units, params["outer"]) + params["offset"]

    return Trajectory(init, manifolds, weights)
