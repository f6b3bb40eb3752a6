"""Panels shared by the figures of policies and of fitted models."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from odes_rl.inspection.depth import Bounds
from odes_rl.inspection.weights import Bracket, Weights
from odes_rl.reports.drawing import COLOURS, dress_panel

Panel = Callable[[Axes], None]

_COLUMNS = 3
_FEW = 200
"""Ratio of the ends of a logarithmic axis up to which it has marks between the powers of ten."""
_QUANTILES = (0.05, 0.5, 0.95)


def draw_figure(panels: Sequence[Panel], title: str) -> Figure:
    """A figure of three panels a row."""
    rows = -(-len(panels) // _COLUMNS)
    figure = Figure(figsize=(3.7 * _COLUMNS, 3.0 * rows + 0.4), layout="constrained")
    for place, panel in enumerate(panels, 1):
        axes = figure.add_subplot(rows, _COLUMNS, place)
        dress_panel(axes)
        panel(axes)
    figure.suptitle(title, fontsize="medium")
    return figure


def draw_norms(axes: Axes, states: np.ndarray, over: str) -> None:
    """Sizes of `states` [K + 1, B, h]; `over` says of what the B are."""
    _draw_quantiles(axes, np.linalg.norm(states, axis=-1))
    axes.set_title("norm of hidden states", fontsize="medium")
    axes.set_ylabel(f"‖x‖, over {over}")
    axes.set_ylim(0, 1.3 * axes.get_ylim()[1])  # room for the legend
    axes.legend(loc="upper left", frameon=False, fontsize="small")


def draw_gradients(axes: Axes, ratios: np.ndarray, bounds: Bounds | None, of: str, symbol: str) -> None:
    """Ratios [K + 1, B] of the sizes of gradients of something to those at the end, and their `bounds`."""
    _draw_quantiles(axes, ratios)
    draw_bounds(axes, bounds)
    axes.set_title(f"gradients of {of} through depth", fontsize="medium")
    axes.set_ylabel(f"‖∂{symbol}/∂x‖ / its value at the end")
    log_axis(axes, room=True)
    axes.legend(loc="lower right", frameon=False, fontsize="small")


def draw_bounds(axes: Axes, bounds: Bounds | None) -> None:
    """Lines of the `bounds`, if there are any."""
    for bound, label in zip(bounds or (), ("bounds for orthogonal W", None), strict=False):
        axes.plot(bound, color="black", linestyle="--", linewidth=1, label=label)


def log_axis(axes: Axes, *, room: bool) -> None:
    """A logarithmic axis of values, with `room` for a legend below."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if room:
        low *= (low / high) ** 0.35
        axes.set_ylim(bottom=low)
    if high < _FEW * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())


def weight_panels(weights: Weights) -> list[Panel]:
    """Distance from O(h), and spectrum and trace of a double-bracket flow, or else singular values."""
    bracket = weights.bracket
    panels: list[Panel] = [lambda axes: _draw_distance(axes, weights)]
    if bracket is None:
        return [*panels, lambda axes: _draw_singular_values(axes, weights)]
    return [*panels, lambda axes: _draw_spectrum(axes, bracket), lambda axes: _draw_traces(axes, bracket)]


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
    axes.set_ylim(0, 1.1 * np.nanmax(weights.singular_values))


def _draw_spectrum(axes: Axes, bracket: Bracket) -> None:
    axes.plot(_numbers(bracket.traces), bracket.eigenvalues, color=COLOURS[0], linewidth=0.9)
    axes.set_title("spectrum of H = WᵀQW (constant)", fontsize="medium")
    axes.set_ylabel("eigenvalue")
    axes.set_xlabel("weight matrix through depth")


def _draw_traces(axes: Axes, bracket: Bracket) -> None:
    axes.plot(_numbers(bracket.traces), bracket.traces, color=COLOURS[0], marker=".")
    axes.set_title("tr(HN) (increasing)", fontsize="medium")
    axes.set_ylabel("tr(HN)")
    axes.set_xlabel("weight matrix through depth")


def _numbers(values: np.ndarray) -> np.ndarray:
    return np.arange(1, len(values) + 1)
