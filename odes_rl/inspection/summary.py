"""An inspection in a few lines."""

import numpy as np

from odes_rl.inspection.look import Inspection, Weights
from odes_rl.inspection.weights import Bracket


def describe(inspection: Inspection) -> list[str]:
    """Lines that tell what the picture shows."""
    steps, count, hidden = inspection.states.shape
    ratios, (low, high) = inspection.gradients[0], inspection.bounds
    return [
        f"{inspection.title}: an episode of {count} steps, return {inspection.total:.2f}",
        f"hidden states of {hidden} numbers through {steps - 1} steps, ‖x‖ from {_norm(inspection, 0)} to "
        f"{_norm(inspection, -1)} (median)",
        f"gradients at the start of depth {np.nanmin(ratios):.3g} to {np.nanmax(ratios):.3g} of those at its end, "
        f"bounds for orthogonal weights {low[0]:.3g} and {high[0]:.3g}",
        *(_describe_weights(inspection.weights) if inspection.weights else []),
    ]


def _norm(inspection: Inspection, step: int) -> str:
    return f"{np.median(np.linalg.norm(inspection.states[step], axis=-1)):.3g}"


def _describe_weights(weights: Weights) -> list[str]:
    lines = [f"{len(weights.distance)} weight matrices, at most {weights.distance.max():.2g} from orthogonal"]
    if weights.bracket is None:
        values = weights.singular_values
        return [*lines, f"singular values from {values.min():.3g} to {values.max():.3g}"]
    return [*lines, *_describe_bracket(weights.bracket)]


def _describe_bracket(bracket: Bracket) -> list[str]:
    eigenvalues, traces = bracket
    moved = np.abs(eigenvalues - eigenvalues[0]).max()
    return [
        f"spectrum of WᵀQW from {eigenvalues.min():.3g} to {eigenvalues.max():.3g}, moved by at most {moved:.2g}",
        f"tr(HN) from {traces[0]:.4g} to {traces[-1]:.4g}",
    ]
