"""A linear path and a bias for each action, beside any policy."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from odes_rl.act import find_rule
from odes_rl.act.path import SUFFIX
from odes_rl.errors import UserError
from odes_rl.manifolds import Euclidean
from odes_rl.policies.policy import Params, Policy, PolicyConfig, Weights


def with_path(config: PolicyConfig, policy: Policy, observation_size: int, action_size: int) -> Policy:
    """The policy a + K s + b: what `policy` gives, and K [m, n] and b [m] where the config asks for them.

    They start at zero, as the leaves `path` and `bias`. A linear policy has no second path.

    Raises:
        UserError: if the policy's parameters are no dictionary, or have leaves of these names.
    """
    has_path = config.linear_path and policy.act_rule != "linear"
    zeros = {"path": jnp.zeros((action_size, observation_size)), "bias": jnp.zeros(action_size)}
    added = [name for name, asked in (("path", has_path), ("bias", config.action_bias)) if asked]
    if not added:
        return policy
    _check(config, policy, added)
    rule = policy.act_rule + SUFFIX
    weights_of = find_rule(rule).weights

    def init(key: jax.Array) -> Params:
        return {**policy.init(key), **{name: zeros[name] for name in added}}

    def materialise(params: Params) -> Weights:
        inner = {name: leaf for name, leaf in params.items() if name not in added}
        return weights_of(
            *policy.materialise(inner), *(params[name] if name in added else zeros[name] for name in zeros)
        )

    return Policy(init, {**policy.manifolds, **dict.fromkeys(added, Euclidean())}, materialise, rule)


def _check(config: PolicyConfig, policy: Policy, added: list[str]) -> None:
    if not isinstance(policy.manifolds, Mapping):
        kind = type(policy.manifolds).__name__
        raise UserError(
            f"policy {config.name!r}: linear_path and action_bias need a dict of parameters, not a {kind}: "
            "make it one, or set both to false"
        )
    if taken := sorted(policy.manifolds.keys() & set(added)):
        raise UserError(
            f"policy {config.name!r} has a parameter {taken[0]!r}, as its linear path or bias has: rename it, "
            "or set linear_path and action_bias to false"
        )
