"""Gated kernels: a sum of vector fields weighted by sigmoids of time (Davis et al. 2020, equation 12)."""

from typing import Literal

from pydantic import Field

from odes_rl.flows.field_networks import gated_networks
from odes_rl.policies.field import field_policy
from odes_rl.policies.flow import FlowConfig
from odes_rl.policies.policy import Policy
from odes_rl.policies.residual import Matchable


class GatedKernelsConfig(FlowConfig, Matchable, frozen=True):
    """A flow whose vector field is a sum of networks, each weighted by a sigmoid of time."""

    name: Literal["gated_kernels"] = "gated_kernels"
    kernels: int = Field(default=4, ge=1)
    """Number d of networks, each with one hidden layer."""


def gated_kernels(config: GatedKernelsConfig, observation_size: int, action_size: int) -> Policy:
    """The flow ẋ = Σ_n σ(u_n t + v_n) (B_n f(A_n x + a_n) + b_n), n = 1..d, σ the logistic sigmoid."""
    return field_policy(config, observation_size, action_size, gated_networks(config.hidden, config.kernels))
