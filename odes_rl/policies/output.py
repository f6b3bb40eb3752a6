"""The factor on a policy's output, fixed or learned."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from odes_rl.manifolds import Euclidean
from odes_rl.policies.policy import Params, PolicyConfig

_LIMIT = math.log(10)
"""Of the logarithm of a learned gain."""


def output_manifolds(config: PolicyConfig) -> dict[str, Any]:
    """The parameters' part that belongs to the output's factor: nothing, if it is fixed."""
    return {"log_gain": Euclidean()} if config.learn_output_scale else {}


def init_output(config: PolicyConfig, action_size: int) -> dict[str, jax.Array]:
    """Starting values for `output_manifolds`: a gain of 1 for each of m actions, on top of `output_scale`."""
    return {"log_gain": jnp.zeros(action_size)} if config.learn_output_scale else {}


def output_factor(config: PolicyConfig, params: Params) -> jax.Array | float:
    """The factor on the output projection [m, h]: a number, or a column [m, 1] if it is learned."""
    if not config.learn_output_scale:
        return config.output_scale
    return config.output_scale * bounded_gain(params["log_gain"])[:, None]


def bounded_gain(log_gain: jax.Array) -> jax.Array:
    """[m] exp(c tanh(g/c)) of g [m] with c = log 10: between 1/10 and 10.

    Nothing else bounds a parameter that scales a network's output: under a plain exponential, a search with scales of
    leaves once let it overflow to NaN. tanh(g/c) c = g − O(g³), so that near 1 the gain is exp(g), with slope 1 at 0.
    """
    return jnp.exp(_LIMIT * jnp.tanh(log_gain / _LIMIT))
