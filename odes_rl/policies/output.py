"""The factor on a policy's output, fixed or learned."""

from typing import Any

import jax
import jax.numpy as jnp

from odes_rl.manifolds import Euclidean
from odes_rl.policies.policy import Params, PolicyConfig


def output_manifolds(config: PolicyConfig) -> dict[str, Any]:
    """The parameters' part that belongs to the output's factor: nothing, if it is fixed."""
    return {"log_gain": Euclidean()} if config.learn_output_scale else {}


def init_output(config: PolicyConfig) -> dict[str, jax.Array]:
    """Starting values for `output_manifolds`: a gain of 1, on top of `output_scale`."""
    return {"log_gain": jnp.zeros(())} if config.learn_output_scale else {}


def output_factor(config: PolicyConfig, params: Params) -> jax.Array | float:
    """Scalar: the factor on the output projection."""
    return config.output_scale * jnp.exp(params["log_gain"]) if config.learn_output_scale else config.output_scale
