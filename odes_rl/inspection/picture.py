"""One picture of an inspection, a panel for each thing that was found out."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from odes_rl.inspection.look import Inspection, Weights
from odes_rl.inspection.weights import Bracket
from odes_rl.reports.drawing import COLOURS

_COLUMNS = 3
_THREADS = 40
"""Observations of the episode whose way through depth is drawn."""
_QUANTILES = (0.05, 0.5, 0.95)

Panel = Callable[[Axes], None]


def draw_inspection(inspection: Inspection) -> Figure:
    """A figure of three panels a row: states and gradients, then weights, as far as the policy has them."""
    panels = _panels(inspection)
    rows = -(-len(panels) // _COLUMNS)
    figure = Figure(figsize=(3.7 * _COLUMNS, 3.0 * rows + 0.4), layout="constrained")
    for place, panel in enumerate(panels, 1):
        axes = figure.add_subplot(rows, _COLUMNS, place)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        panel(axes)
    figure.suptitle(f"{inspection.title}; an episode of return {inspection.total:.1f}", fontsize="medium")
    return figure


def _panels(inspection: Inspection) -> list[Panel]:
    states, weights = inspection.states, inspection.weights
    panels: list[Panel] = [
        lambda axes: _draw_threads(axes, states),
        lambda axes: _draw_norms(axes, states),
        lambda axes: _draw_gradients(axes, inspection),
    ]
    if weights is None:
        return panels
    panels.append(lambda axes: _draw_distance(axes, weights))
    bracket = weights.bracket
    if bracket is None:
        return [*panels, lambda axes: _draw_singular_values(axes, weights)]
    return [*panels, lambda axes: _draw_spectrum(axes, bracket), lambda axes: _draw_traces(axes, bracket)]


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


def _draw_norms(axes: Axes, states: np.ndarray) -> None:
    _draw_quantiles(axes, np.linalg.norm(states, axis=-1))
    axes.set_title("size of hidden states", fontsize="medium")
    axes.set_ylabel("‖x‖, over the episode")
    axes.set_ylim(0, 1.3 * axes.get_ylim()[1])  # room for the legend
    axes.legend(loc="upper left", frameon=False, fontsize="small")


def _draw_gradients(axes: Axes, inspection: Inspection) -> None:
    ratios = inspection.gradients.reshape(len(inspection.gradients), -1)
    _draw_quantiles(axes, ratios)
    for bound in inspection.bounds:
        label = "bounds for orthogonal W" if bound is inspection.bounds[0] else None
        axes.plot(bound, color="black", linestyle="--", linewidth=1, label=label)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.4 * min(inspection.bounds[0].min(), np.nanmin(ratios)))  # room for the legend
    axes.set_title("gradients of actions through depth", fontsize="medium")
    axes.set_ylabel("‖∂a/∂x‖ / its value at the end")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(loc="lower right", frameon=False, fontsize="small")


def _draw_quantiles(axes: Axes, values: np.ndarray) -> None:
    """The median of `values` [K + 1, ...] at each step, and the band that nine tenths of them lie in."""
    low, middle, high = np.nanquantile(values, _QUANTILES, axis=1)
    axes.plot(middle, color=COLOURS[0], label="median")
    axes.fill_between(range(len(middle)), low, high, color=COLOURS[0], alpha=0.2, linewidth=0, label="5 to 95 %")
    axes.set_xlabel("step through depth")


def _draw_distance(axes: Axes, weights: Weights) -> None:
    exponents = np.log10(np.maximum(weights.distance, np.finfo(np.float32).tiny))
    axes.plot(_numbers(weights.distance), weights.distance, color=COLOURS[0], marker=".")
    axes.set_yscale("log")
    axes.set_ylim(*10.0 ** np.array([np.floor(exponents.min()), np.ceil(exponents.max())]))
    axes.set_title("distance of W from O(h)", fontsize="medium")
    axes.set_ylabel("max |WᵀW − I|")
    axes.set_xlabel("weight matrix through depth")


def _draw_singular_values(axes: Axes, weights: Weights) -> None:
    axes.plot(_numbers(weights.distance), weights.singular_values, color=COLOURS[0], linewidth=0.9)
    axes.set_title("singular values of W", fontsize="medium")
    axes.set_ylabel("singular value")
    axes.set_xlabel("weight matrix through depth")
    axes.set_ylim(bottom=0)


def _draw_spectrum(axes: Axes, bracket: Bracket) -> None:
    axes.plot(_numbers(bracket.traces), bracket.eigenvalues, color=COLOURS[0], linewidth=0.9)
    axes.set_title("spectrum of H = WᵀQW, kept by the flow", fontsize="medium")
    axes.set_ylabel("eigenvalue")
    axes.set_xlabel("weight matrix through depth")


def _draw_traces(axes: Axes, bracket: Bracket) -> None:
    axes.plot(_numbers(bracket.traces), bracket.traces, color=COLOURS[0], marker=".")
    axes.set_title("tr(HN), increased by the flow", fontsize="medium")
    axes.set_ylabel("tr(HN)")
    axes.set_xlabel("weight matrix through depth")


def _numbers(values: np.ndarray) -> np.ndarray:
    return np.arange(1, len(values) + 1)
