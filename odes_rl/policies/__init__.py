"""Policies: one file a named architecture, and the registry of all."""

from odes_rl.errors import check_name
from odes_rl.policies.base import Policy, PolicyConfig, PolicyFamily
from odes_rl.policies.deep_res_net import DeepResNetConfig, deep_res_net
from odes_rl.policies.linear import LinearConfig, linear
from odes_rl.policies.nanode import NanodeConfig, nanode
from odes_rl.policies.ode_to_ode import OdeToOdeConfig, ode_to_ode

POLICIES: dict[str, PolicyFamily] = {
    "ode_to_ode": PolicyFamily(OdeToOdeConfig, ode_to_ode),
    "nanode": PolicyFamily(NanodeConfig, nanode),
    "deep_res_net": PolicyFamily(DeepResNetConfig, deep_res_net),
    "linear": PolicyFamily(LinearConfig, linear),
}
"""Every policy by its name."""


def policy_names() -> list[str]:
    """The names of all policies."""
    return list(POLICIES)


def policy_config_class(name: str) -> type[PolicyConfig]:
    """The class of the options of the policy called `name`.

    Raises:
        UserError: if there is none.
    """
    return POLICIES[check_name("policy", name, POLICIES)].config


def make_policy(config: PolicyConfig, observation_size: int, action_size: int) -> Policy:
    """The policy that `config` describes, for observations [n] and actions [m]."""
    return POLICIES[config.name].build(config, observation_size, action_size)
