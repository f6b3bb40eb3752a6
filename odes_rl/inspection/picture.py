"""One picture of a policy's inspection, a panel for each thing that was found out."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from odes_rl.inspection.look import Inspection
from odes_rl.inspection.panels import Panel, draw_figure, draw_gradients, draw_norms, weight_panels

_THREADS = 40
"""Observations of the episode whose way through depth is drawn."""


def draw_inspection(inspection: Inspection) -> Figure:
    """A figure of three panels a row: states and gradients, then weights, as far as the policy has them."""
    states, weights = inspection.states, inspection.weights
    ratios = inspection.gradients.reshape(len(inspection.gradients), -1)
    panels: list[Panel] = [
        lambda axes: _draw_threads(axes, states),
        lambda axes: draw_norms(axes, states, "the episode"),
        lambda axes: draw_gradients(axes, ratios, inspection.bounds, "actions", "a"),
        *(weight_panels(weights) if weights else []),
    ]
    return draw_figure(panels, f"{inspection.title}; an episode of return {inspection.total:.1f}")


def _draw_threads(axes: Axes, states: np.ndarray) -> None:
    """Each observation's way through depth, in the plane in which the states vary most."""
    steps = np.unique(np.linspace(0, states.shape[1] - 1, _THREADS).astype(int))
    points = states.reshape(-1, states.shape[-1]) - states.mean(axis=(0, 1))
    plane = np.linalg.svd(points, full_matrices=False)[2][:2]
    ways = (states[:, steps] - states.mean(axis=(0, 1))) @ plane.T
    if ways.shape[-1] == 1:  # a hidden state of one number
        ways = np.concatenate([ways, np.zeros_like(ways)], axis=-1)
    mapped = axes.scatter(*ways[-1].T, c=steps, cmap="viridis", s=14, zorder=3)
    for way, colour in zip(ways.swapaxes(0, 1), mapped.to_rgba(steps), strict=True):
        axes.plot(way[:, 0], way[:, 1], color=colour, linewidth=0.8)
    colours = axes.figure.colorbar(mapped, ax=axes, label="environment step")
    colours.outline.set_visible(False)
    axes.set_title("hidden states x(t), dot: end of depth", fontsize="medium")
    axes.set_xlabel("first principal component")
    axes.set_ylabel("second")
