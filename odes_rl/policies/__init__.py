"""Policies: one file for each architecture, and the registry."""

from typing import Any

import jax
import jax.numpy as jnp

from odes_rl.errors import UserError
from odes_rl.parts import Registry, by_name
from odes_rl.policies.app_node import AppNodeConfig, app_node
from odes_rl.policies.autonomous import AutonomousConfig, autonomous
from odes_rl.policies.base_ode import BaseOdeConfig, base_ode
from odes_rl.policies.con_res_net import ConResNetConfig, con_res_net
from odes_rl.policies.counting import free_dimensions, parameter_count
from odes_rl.policies.deep_net import DeepNetConfig, deep_net
from odes_rl.policies.deep_res_net import DeepResNetConfig, deep_res_net
from odes_rl.policies.gated_kernels import GatedKernelsConfig, gated_kernels
from odes_rl.policies.hyper_net import HyperNetConfig, hyper_net
from odes_rl.policies.linear import LinearConfig, linear
from odes_rl.policies.nanode import NanodeConfig, nanode
from odes_rl.policies.ode_to_ode import OdeToOdeConfig, ode_to_ode
from odes_rl.policies.output import output_factor
from odes_rl.policies.path import with_path
from odes_rl.policies.policy import Params, Policy, PolicyConfig, PolicyFamily, Weights
from odes_rl.policies.projections import projected
from odes_rl.policies.residual import Matchable, ResidualConfig
from odes_rl.policies.trajectory_flow import TrajectoryFlowConfig, trajectory_flow

__all__ = [
    "POLICIES",
    "AppNodeConfig",
    "AutonomousConfig",
    "BaseOdeConfig",
    "ConResNetConfig",
    "DeepNetConfig",
    "DeepResNetConfig",
    "GatedKernelsConfig",
    "HyperNetConfig",
    "LinearConfig",
    "Matchable",
    "NanodeConfig",
    "OdeToOdeConfig",
    "Params",
    "Policy",
    "PolicyConfig",
    "PolicyFamily",
    "ResidualConfig",
    "TrajectoryFlowConfig",
    "Weights",
    "app_node",
    "autonomous",
    "base_ode",
    "con_res_net",
    "deep_net",
    "deep_res_net",
    "free_dimensions",
    "gated_kernels",
    "hyper_net",
    "linear",
    "make_policy",
    "match_parameters",
    "nanode",
    "ode_to_ode",
    "output_factor",
    "parameter_count",
    "policy_config_class",
    "projected",
    "trajectory_flow",
]

POLICIES = Registry(
    "policy",
    "policies",
    PolicyFamily,
    by_name(
        PolicyFamily(OdeToOdeConfig, ode_to_ode),
        PolicyFamily(NanodeConfig, nanode),
        PolicyFamily(AppNodeConfig, app_node),
        PolicyFamily(AutonomousConfig, autonomous),
        PolicyFamily(BaseOdeConfig, base_ode),
        PolicyFamily(GatedKernelsConfig, gated_kernels),
        PolicyFamily(HyperNetConfig, hyper_net),
        PolicyFamily(DeepNetConfig, deep_net),
        PolicyFamily(DeepResNetConfig, deep_res_net),
        PolicyFamily(ConResNetConfig, con_res_net),
        PolicyFamily(TrajectoryFlowConfig, trajectory_flow),
        PolicyFamily(LinearConfig, linear),
    ),
)
"""All policies by name."""


def policy_config_class(name: str) -> type[PolicyConfig]:
    """The class of the options of the policy called `name`.

    Raises:
        UserError: if there is none.
    """
    return POLICIES.find(name).config


def make_policy(config: PolicyConfig, observation_size: int, action_size: int) -> Policy:
    """The policy that `config` describes, for observations [n] and actions [m]; of matched size if it asks for that.

    Its parameters and weights are float32, and the same bits where JAX has 64 bits enabled.

    Raises:
        UserError: if the family of that name builds no policy.
    """
    matched = match_parameters(config, observation_size, action_size)
    with jax.enable_x64(False):  # what is constant, such as times, is made here
        policy = _build(matched, observation_size, action_size)

    def init(key: jax.Array) -> Params:
        with jax.enable_x64(False):
            return policy.init(key)

    def materialise(params: Params) -> Weights:
        single = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), params)
        with jax.enable_x64(False):
            return policy.materialise(single)

    return policy._replace(init=init, materialise=materialise)


def _build(config: PolicyConfig, observation_size: int, action_size: int) -> Policy:
    policy: Any = POLICIES.find(config.name).build(config, observation_size, action_size)
    if not isinstance(policy, Policy):
        raise UserError(f"policy {config.name!r} builds a {type(policy).__name__}, but must build a Policy")
    return with_path(config, policy, observation_size, action_size)


def match_parameters(config: PolicyConfig, observation_size: int, action_size: int) -> PolicyConfig:
    """The config with the `hidden` that it means, for observations [n] and actions [m].

    If `match_parameters` is set, the smallest with which no fewer numbers are stored than in the ODEtoODE of the
    config's `hidden`, with the same linear path, bias and gain and the other options at their defaults; symmetric
    matrices count once. The number of layers is left as it is (25 in Choromanski et al. 2020, §5.1.2).
    """
    if not isinstance(config, Matchable) or config.match_parameters is None:
        return config
    assert isinstance(config, ResidualConfig), config

    def count(sized: PolicyConfig) -> int:
        return parameter_count(_build(sized, observation_size, action_size))

    def of_size(hidden: int) -> PolicyConfig:
        return config.model_copy(update={"hidden": hidden, "match_parameters": None})

    alike = config.model_dump(include={"hidden", "learn_output_scale", "linear_path", "action_bias"})
    least = count(OdeToOdeConfig(**alike))
    low = config.least_hidden
    high = 2 * low
    while count(of_size(high)) < least:
        low, high = high + 1, 2 * high
    while low < high:  # `high` is large enough, what is below `low` is not
        middle = (low + high) // 2
        low, high = (low, middle) if count(of_size(middle)) >= least else (middle + 1, high)
    return of_size(high)
