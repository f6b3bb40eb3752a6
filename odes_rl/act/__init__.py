"""Act rules: how weights and an observation make an action, on workers and devices. Free of JAX."""

from odes_rl.act.activations import ACTIVATIONS
from odes_rl.act.base import ActRule
from odes_rl.act.linear import linear
from odes_rl.act.residual_flow import residual_flow

ACT_RULES: dict[str, ActRule] = {
    "linear": linear,
    **{f"residual_flow_{activation}": residual_flow(activation) for activation in ACTIVATIONS},
}
"""Every act rule by its name, which is all that a worker is told."""
