"""ODEtoODE: a flow whose weight matrix follows an ODE on the orthogonal group (Choromanski et al. 2020)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from odes_rl.flows.lie_steps import LIE_STEPS
from odes_rl.flows.trajectories.constant import constant
from odes_rl.flows.trajectories.gated import gated
from odes_rl.flows.trajectories.isospectral import isospectral
from odes_rl.flows.trajectories.nodes import right_nodes
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds import Euclidean, Frozen, Manifold, Orthogonal, Stiefel
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
PROJECTIONS: dict[str, Manifold] = {"stiefel": Stiefel(), "frozen": Frozen(Stiefel()), "euclidean": Euclidean()}
INITIAL_MATRICES: dict[str, Manifold] = {"learned": Orthogonal(), "haar": Frozen(Orthogonal())}


class OdeToOdeConfig(FlowConfig, frozen=True):
    """A flow whose weights follow an ODE on O(h), with input and output projections on Stiefel manifolds."""

    name: Literal["ode_to_ode"] = "ode_to_ode"
    ablation: Annotated[str, OneOf(ABLATIONS)] = "none"
    """Leave out one part. `constant_weights`: W(t) = W_0 at all times. `zero_generators`: Q = N = 0 at the start, so
    that the flow has to be learned from rest. The others set the option that they name."""
    flow: Literal["isospectral", "gated", "none"] = "isospectral"
    """Flow of the weights. `isospectral`: double bracket. `gated`: the generator is a sum of gated networks. `none`:
    constant weights."""
    solver: Annotated[str, OneOf(LIE_STEPS)] = "lie_euler"
    """Solver of the weight flow: `lie_euler`, as in the paper, or `rkmk4`, of order four."""
    flow_scale: float = Field(default=1.0, ge=0)
    """Initial scale of the weight flow. Double bracket: the spectral radius of Q and N, so that the weights turn by
    about flow_scale² radians. Gated: the weights turn by about flow_scale radians."""
    initial_matrix: Annotated[str, OneOf(INITIAL_MATRICES)] = "learned"
    """W_0 is drawn from the Haar measure. `learned`: it is then trained. `haar`: it stays fixed."""
    projections: Annotated[str, OneOf(PROJECTIONS)] = "stiefel"
    """Input and output projections. `stiefel`: orthonormal columns or rows. `frozen`: the same, but not trained.
    `euclidean`: unconstrained matrices."""
    gates: int = Field(default=1, ge=1)
    """Number of gates of a gated flow."""
    gate_inputs: Literal["none", "t", "t_W"] = "none"
    """Inputs of the networks of a gated flow: none (constants), the time, or the time and the weights."""
    gate_width: int = Field(default=16, ge=1)
    """Hidden units of each network of a gated flow; unused with gate_inputs none."""

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
        trajectory=_trajectory(config),
        projection=PROJECTIONS[config.projections],
        biases="shared",
        nodes=right_nodes,
    )


def _trajectory(config: OdeToOdeConfig) -> Trajectory:
    initial = INITIAL_MATRICES[config.initial_matrix]
    if config.flow == "none":
        return constant(config.hidden, initial)
    if config.flow == "gated":
        gating = (config.gates, config.gate_inputs, config.gate_width)
        return gated(config.hidden, *gating, config.solver, config.flow_scale, initial)
    return isospectral(config.hidden, config.solver, config.flow_scale, initial)
