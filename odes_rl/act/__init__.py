"""Act rules: how weights and an observation make an action, on workers and devices. Free of JAX."""

from odes_rl.act.activations import ACTIVATIONS
from odes_rl.act.choice import find_rule
from odes_rl.act.field_flow import field_flow
from odes_rl.act.linear import linear
from odes_rl.act.network import network
from odes_rl.act.registry import ACT_RULES
from odes_rl.act.residual_flow import residual_flow
from odes_rl.act.rule import ActRule, multiply, unprobed
from odes_rl.act.runge_kutta_flow import runge_kutta_flow

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
