"""The inspection of a policy or a fitted model in a few lines."""

import numpy as np

from odes_rl.inspection.depth import Bounds, inside
from odes_rl.inspection.fitted import FittedInspection
from odes_rl.inspection.look import Inspection
from odes_rl.inspection.weights import Bracket, Weights


def describe(inspection: Inspection) -> list[str]:
    """Lines that summarise the figure of a policy."""
    count = inspection.states.shape[1]
    start = _describe_start(inspection.gradients[0])
    if inspection.bounds:
        low, high = inspection.bounds
        start += f", bounds for orthogonal weights {low[0]:.3g} and {high[0]:.3g}"
    return [
        inspection.checkpoint,
        f"{inspection.title}: an episode of {count} steps, return {inspection.total:.2f}",
        _describe_states(inspection.states),
        start,
        *(_describe_weights(inspection.weights) if inspection.weights else []),
    ]


def describe_fitted(inspection: FittedInspection) -> list[str]:
    """Lines that summarise the figure of a fitted model."""
    depth, bounds = inspection.depth, inspection.bounds
    return [
        f"{inspection.title}: {depth.states.shape[1]} test examples",
        _describe_states(depth.states),
        _describe_start(depth.ratios[0]),
        *([_describe_inside(depth.ratios, bounds)] if bounds else []),
        f"singular values of ∂x/∂x(0) at the end of depth from {_resolved(depth.sensitivities[-1, -1])} to "
        f"{_resolved(depth.sensitivities[-1, 0])} (one example)",
        *_describe_weights(inspection.weights),
    ]


def _describe_states(states: np.ndarray) -> str:
    first, last = np.median(np.linalg.norm(states[[0, -1]], axis=-1), axis=1)
    steps, _, hidden = states.shape
    return f"hidden states of {hidden} numbers through {steps - 1} steps, ‖x‖ from {first:.3g} to {last:.3g} (median)"


def _describe_start(ratios: np.ndarray) -> str:
    return f"gradients at the start of depth {np.nanmin(ratios):.3g} to {np.nanmax(ratios):.3g} of those at its end"


def _describe_inside(ratios: np.ndarray, bounds: Bounds) -> str:
    kept, (low, high) = inside(ratios, bounds), bounds
    return (
        f"gradients of {kept.sum()} of {kept.size} examples inside the bounds for orthogonal weights at every step, "
        f"at the start {low[0]:.3g} and {high[0]:.3g}"
    )


def _resolved(value: float) -> str:
    return "below the resolution of float64" if np.isnan(value) else f"{value:.3g}"


def _describe_weights(weights: Weights) -> list[str]:
    lines = [f"{len(weights.distance)} weight matrices, distance from orthogonal at most {weights.distance.max():.2g}"]
    if weights.bracket is None:
        values = weights.singular_values
        return [*lines, f"singular values from {values.min():.3g} to {values.max():.3g}"]
    return [*lines, *_describe_bracket(weights.bracket)]


def _describe_bracket(bracket: Bracket) -> list[str]:
    eigenvalues, traces = bracket
    moved = np.abs(eigenvalues - eigenvalues[0]).max()
    return [
        f"spectrum of WᵀQW from {eigenvalues.min():.3g} to {eigenvalues.max():.3g}, changed by at most {moved:.2g}",
        f"tr(HN) from {traces[0]:.4g} to {traces[-1]:.4g}",
    ]
