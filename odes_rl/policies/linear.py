"""The linear policy a = M s, the baseline (Mania, Guy & Recht 2018)."""

from typing import Literal

import jax
import jax.numpy as jnp
from pydantic import Field

from odes_rl.act.linear import LinearWeights
from odes_rl.manifolds import Euclidean
from odes_rl.policies.output import init_output, output_factor, output_manifolds
from odes_rl.policies.policy import Params, Policy, PolicyConfig


class LinearConfig(PolicyConfig, frozen=True):
    """A matrix from observations to actions, zero at the start."""

    name: Literal["linear"] = "linear"
    output_scale: float = Field(default=1.0, gt=0)
    """Factor on the matrix."""


def linear(config: LinearConfig, observation_size: int, action_size: int) -> Policy:
    """The linear policy with M [m, n]; Mania et al.'s start, M = 0."""

    def init(key: jax.Array) -> Params:
        return {"matrix": jnp.zeros((action_size, observation_size)), **init_output(config, action_size)}

    def materialise(params: Params) -> LinearWeights:
        return LinearWeights(output_factor(config, params) * params["matrix"])

    return Policy(init, {"matrix": Euclidean(), **output_manifolds(config)}, materialise, "linear")
