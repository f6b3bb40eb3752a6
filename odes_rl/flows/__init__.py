"""Flows: steps and solvers on Lie groups, ODE solvers, and the trajectories t ↦ W(t) of weights."""

from typing import TYPE_CHECKING

from odes_rl.lazy import lazy_names

if TYPE_CHECKING:
    from odes_rl.flows.lie_solvers import LIE_SOLVERS, LieEuler, RungeKuttaMuntheKaas4
    from odes_rl.flows.lie_steps import LIE_STEPS, LieStep, flow, geodesic, lie_euler, lie_step, rkmk4
    from odes_rl.flows.ode_solvers import SOLVERS, Adjoint
    from odes_rl.flows.trajectories import (
        TRAJECTORIES,
        Trajectory,
        bucketed,
        constant,
        coupled,
        gated,
        gated_hypernetwork,
        gated_kernels,
        givens,
        householder,
        hypernetwork,
        isospectral,
        per_layer,
        polynomial,
        random_features,
        trigonometric,
    )
    from odes_rl.flows.trajectories.nodes import half_nodes, left_nodes, right_nodes
    from odes_rl.flows.trajectories.polynomial import chebyshev, legendre, monomial
    from odes_rl.flows.trajectories.trajectory import function_of_time

__all__ = [
    "LIE_SOLVERS",
    "LIE_STEPS",
    "SOLVERS",
    "TRAJECTORIES",
    "Adjoint",
    "LieEuler",
    "LieStep",
    "RungeKuttaMuntheKaas4",
    "Trajectory",
    "bucketed",
    "chebyshev",
    "constant",
    "coupled",
    "flow",
    "function_of_time",
    "gated",
    "gated_hypernetwork",
    "gated_kernels",
    "geodesic",
    "givens",
    "half_nodes",
    "householder",
    "hypernetwork",
    "isospectral",
    "left_nodes",
    "legendre",
    "lie_euler",
    "lie_step",
    "monomial",
    "per_layer",
    "polynomial",
    "random_features",
    "right_nodes",
    "rkmk4",
    "trigonometric",
]
_HOMES = dict.fromkeys(__all__, "odes_rl.flows.trajectories") | {
    **dict.fromkeys(("LIE_SOLVERS", "LieEuler", "RungeKuttaMuntheKaas4"), "odes_rl.flows.lie_solvers"),
    **dict.fromkeys(("LIE_STEPS", "LieStep", "flow", "geodesic"), "odes_rl.flows.lie_steps"),
    **dict.fromkeys(("lie_euler", "lie_step", "rkmk4"), "odes_rl.flows.lie_steps"),
    **dict.fromkeys(("SOLVERS", "Adjoint"), "odes_rl.flows.ode_solvers"),
    **dict.fromkeys(("half_nodes", "left_nodes", "right_nodes"), "odes_rl.flows.trajectories.nodes"),
    **dict.fromkeys(("chebyshev", "legendre", "monomial"), "odes_rl.flows.trajectories.polynomial"),
    "function_of_time": "odes_rl.flows.trajectories.trajectory",
}
"""The module of each public name; they are imported when they are asked for, because diffrax is slow to import."""
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
