"""ODEtoODE: a flow whose weight matrix follows an ODE on the orthogonal group (Choromanski et al. 2020)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import model_validator

from odes_rl.flows.trajectories.nodes import right_nodes
from odes_rl.flows.trajectories.orthogonal_flows import PROJECTIONS, OrthogonalFlowOptions, orthogonal_flow
from odes_rl.policies.flow import FlowConfig, flow_policy
from odes_rl.policies.policy import Policy
from odes_rl.validation import OneOf

ABLATIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "frozen_projections": {"projections": "frozen"},
    "euclidean_projections": {"projections": "euclidean"},
    "constant_weights": {"flow": "none"},
    "zero_generators": {"flow_scale": 0.0},
    "haar_initial": {"initial_matrix": "haar"},
}
"""Options that each ablation sets."""


class OdeToOdeConfig(OrthogonalFlowOptions, FlowConfig, frozen=True):
    """A flow whose weights follow an ODE on O(h), with input and output projections on Stiefel manifolds."""

    name: Literal["ode_to_ode"] = "ode_to_ode"
    ablation: Annotated[str, OneOf(ABLATIONS)] = "none"
    """Leave out one part. `constant_weights`: W(t) = W_0 at all times. `zero_generators`: Q = N = 0 at the start, so
    that the flow has to be learned from rest. The others set the option that they name."""

    @classmethod
    def beneath(cls, values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Under another ablation, neither what that of `values` has set nor defaults of what the other one sets."""
        if "ablation" not in overrides:
            return dict(values)
        was, sets = (ABLATIONS.get(str(given.get("ablation")), {}) for given in (values, overrides))
        defaults = {option: cls.model_fields[option].default for option in sets}
        left = [options.items() for options in (was, defaults)]
        return {name: value for name, value in values.items() if all((name, value) not in items for items in left)}

    @model_validator(mode="before")
    @classmethod
    def _apply_ablation(cls, values: Any) -> Any:
        sets = ABLATIONS.get(str(values.get("ablation", "none")), {}) if isinstance(values, Mapping) else {}
        for option, value in sets.items():
            if values.get(option, value) != value:
                raise ValueError(
                    f"ablation is {values['ablation']}, which sets {option} to {value}, but {option} is "
                    f"{values[option]}: leave one of the two out"
                )
        return {**values, **sets} if sets else values


def ode_to_ode(config: OdeToOdeConfig, observation_size: int, action_size: int) -> Policy:
    """The policy of equations 5-6, which uses W_i after its advance. Ω₁, Ω₂ and W_0 start Haar-random, b at zero.

    Integrators other than Euler's use W at the times of their stages; W then advances in steps of η/2.
    """
    return flow_policy(
        config,
        observation_size,
        action_size,
        trajectory=orthogonal_flow(config, config.hidden),
        projection=PROJECTIONS[config.projections],
        biases="shared",
        nodes=right_nodes,
    )
