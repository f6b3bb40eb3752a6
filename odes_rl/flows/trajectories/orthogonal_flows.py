"""The flows on O(h) of ODEtoODE by name, with the options that policies and supervised models share."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from odes_rl.flows.lie_steps import LIE_STEPS
from odes_rl.flows.trajectories.constant import constant
from odes_rl.flows.trajectories.gated import gated
from odes_rl.flows.trajectories.isospectral import isospectral
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds import Euclidean, Frozen, Manifold, Orthogonal, Stiefel
from odes_rl.validation import STRICT, OneOf

INITIAL_MATRICES: dict[str, Manifold] = {"learned": Orthogonal(), "haar": Frozen(Orthogonal())}
PROJECTIONS: dict[str, Manifold] = {"stiefel": Stiefel(), "frozen": Frozen(Stiefel()), "euclidean": Euclidean()}


class OrthogonalFlowOptions(BaseModel, frozen=True):
    """How orthogonal weights flow, and the manifold of the projections around them."""

    model_config = STRICT

    flow: Literal["isospectral", "gated", "none"] = "isospectral"
    """Flow of the weights. `isospectral`: double bracket. `gated`: the generator is a sum of gated networks. `none`:
    constant weights."""
    solver: Annotated[str, OneOf(LIE_STEPS)] = "lie_euler"
    """Solver of the weight flow: `lie_euler`, as in the paper, or `rkmk4`, of order four. Unused with constant gates,
    whose flow is computed exactly."""
    flow_scale: float = Field(default=1.0, ge=0)
    """Initial scale of the weight flow. Double bracket: the spectral radius of Q and N, so that the weights turn by
    about flow_scale² radians. Gated: the weights turn by about flow_scale radians."""
    initial_matrix: Annotated[str, OneOf(INITIAL_MATRICES)] = "learned"
    """W_0 is drawn from the Haar measure. `learned`: it is then trained. `haar`: it stays fixed."""
    projections: Annotated[str, OneOf(PROJECTIONS)] = "stiefel"
    """Input and output projections. `stiefel`: orthonormal columns or rows. `frozen`: the same, but not trained.
    `euclidean`: unconstrained matrices."""
    gates: int = Field(default=1, ge=1)
    """Number of gates of a gated flow. With gate_inputs none they add up to one constant, whatever their number."""
    gate_inputs: Literal["none", "t", "t_W"] = "none"
    """Inputs of the networks of a gated flow: none (constants), the time, or the time and the weights."""
    gate_width: int = Field(default=16, ge=1)
    """Hidden units of each network of a gated flow; unused with gate_inputs none."""


def orthogonal_flow(options: OrthogonalFlowOptions, hidden: int) -> Trajectory:
    """The trajectory on O(h) of the options, h = `hidden`."""
    initial = INITIAL_MATRICES[options.initial_matrix]
    if options.flow == "none":
        return constant(hidden, initial)
    if options.flow == "gated":
        gating = (options.gates, options.gate_inputs, options.gate_width)
        return gated(hidden, *gating, options.solver, options.flow_scale, initial)
    return isospectral(hidden, options.solver, options.flow_scale, initial)
