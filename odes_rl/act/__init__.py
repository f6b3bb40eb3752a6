"""Act rules: how weights and an observation make an action, on workers and devices. Free of JAX."""

from numba.core.dispatcher import Dispatcher

from odes_rl.act.activations import ACTIVATIONS
from odes_rl.act.field_flow import field_flow
from odes_rl.act.linear import linear
from odes_rl.act.network import network
from odes_rl.act.residual_flow import residual_flow
from odes_rl.act.rule import ActRule, multiply, unprobed
from odes_rl.act.runge_kutta_flow import runge_kutta_flow
from odes_rl.errors import UserError
from odes_rl.parts import Registry

__all__ = [
    "ACTIVATIONS",
    "ACT_RULES",
    "ActRule",
    "field_flow",
    "find_rule",
    "linear",
    "multiply",
    "network",
    "residual_flow",
    "runge_kutta_flow",
    "unprobed",
]

ACT_RULES = Registry(
    "act rule",
    "act_rules",
    ActRule,
    {
        "linear": linear,
        **{
            f"{factory.__name__}_{activation}": factory(activation)
            for factory in (residual_flow, runge_kutta_flow, field_flow, network)
            for activation in ACTIVATIONS
        },
    },
)
"""Every act rule by its name."""


def find_rule(name: str) -> ActRule:
    """The act rule called `name`; workers receive only this name.

    Raises:
        UserError: if there is none, or its kernel is not compiled by numba.
    """
    rule = ACT_RULES.find(name)
    if not isinstance(rule.kernel, Dispatcher):
        kind = type(rule.kernel).__name__
        raise UserError(f"act rule {name!r}: its kernel is a {kind}, but must be compiled: decorate it with numba.njit")
    return rule
