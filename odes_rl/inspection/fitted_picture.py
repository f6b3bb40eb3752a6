"""One picture of a fitted model's inspection."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from odes_rl.inspection.depth import Bounds
from odes_rl.inspection.fitted import FittedInspection
from odes_rl.inspection.panels import (
    Panel,
    draw_bounds,
    draw_figure,
    draw_gradients,
    draw_norms,
    log_axis,
    weight_panels,
)
from odes_rl.reports.drawing import COLOURS


def draw_fitted(inspection: FittedInspection) -> Figure:
    """A figure of three panels a row: states, gradients and sensitivities, then weights."""
    depth, bounds = inspection.depth, inspection.bounds
    panels: list[Panel] = [
        lambda axes: draw_norms(axes, depth.states, "test examples"),
        lambda axes: draw_gradients(axes, depth.ratios, bounds, "the loss", "L"),
        lambda axes: _draw_sensitivities(axes, depth.sensitivities, bounds),
        *weight_panels(inspection.weights),
    ]
    return draw_figure(panels, f"{inspection.title}; {depth.states.shape[1]} test examples")


def _draw_sensitivities(axes: Axes, singular: np.ndarray, bounds: Bounds | None) -> None:
    axes.plot(singular, color=COLOURS[0], linewidth=0.7)
    if bounds is not None:
        draw_bounds(axes, (bounds[0][::-1], bounds[1][::-1]))
        axes.legend(loc="lower left", frameon=False, fontsize="small")
    axes.set_title("sensitivity to x(0) of one example", fontsize="medium")
    axes.set_ylabel("singular values of ∂x/∂x(0)")
    axes.set_xlabel("step through depth")
    log_axis(axes, room=bounds is not None)
