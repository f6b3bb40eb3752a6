"""The act rules that have a name. Free of JAX."""

from odes_rl.act.activations import ACTIVATIONS
from odes_rl.act.field_flow import field_flow
from odes_rl.act.linear import linear
from odes_rl.act.network import network
from odes_rl.act.residual_flow import residual_flow
from odes_rl.act.rule import ActRule
from odes_rl.act.runge_kutta_flow import runge_kutta_flow
from odes_rl.parts import Registry

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
