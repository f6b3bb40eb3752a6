"""BaseODE: a flow whose vector field is one network (Chen et al. 2018, as in Choromanski et al. 2020)."""

from typing import Literal

from odes_rl.flows.field_networks import one_network
from odes_rl.policies.field import field_policy
from odes_rl.policies.flow import FlowConfig
from odes_rl.policies.policy import Policy
from odes_rl.policies.residual import Matchable


class BaseOdeConfig(FlowConfig, Matchable, frozen=True):
    """A flow whose vector field is a network with two hidden layers and constant weights."""

    name: Literal["base_ode"] = "base_ode"


def base_ode(config: BaseOdeConfig, observation_size: int, action_size: int) -> Policy:
    """The flow ẋ = A₃ f(A₂ f(A₁ x + b₁) + b₂) + b₃ (Choromanski et al. 2020, §5.1.2), all layers h wide."""
    return field_policy(config, observation_size, action_size, one_network(config.hidden))
