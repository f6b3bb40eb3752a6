"""Affine layers: parameters, their manifolds, and their action."""

import jax
import jax.numpy as jnp

from odes_rl.flows.trajectories.trajectory import Params
from odes_rl.manifolds import Euclidean
from odes_rl.manifolds.matrix_functions import matmul

AFFINE = {"weight": Euclidean(), "bias": Euclidean()}
"""Manifolds of an affine layer."""


def init_affine(key: jax.Array, inputs: int, outputs: int, scale: float = 1.0) -> Params:
    """Weight [outputs, inputs], normal with deviation `scale`/√inputs, and bias [outputs], zero."""
    weight = Euclidean(scale).random(key, (outputs, inputs))
    return {"weight": weight, "bias": jnp.zeros(outputs)}


def affine(params: Params, x: jax.Array) -> jax.Array:
    """[..., outputs] of x [..., inputs]; [...] if the weight is a vector [inputs] and the bias a number."""
    return matmul(x, params["weight"].T) + params["bias"]
