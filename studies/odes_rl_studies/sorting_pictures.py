"""How flows that sort are drawn: a list along time, what turns it, and where errors are."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from odes_rl.reports import COLOURS, LINES, draw_band, draw_line, dress_panel

_GROUPS = 8
"""Of lists by their smallest gap, each with as many."""


class Shown(NamedTuple):
    """What is drawn of a method.

    Attributes:
        times: [T] from 0 to 2.
        diagonals: [T, n] of H(t), of one list.
        entries: [n] of that list.
        N: [n, n] of its seed.
        errors: [T, S] of each seed.
        gaps: [S, B] smallest of each list.
        right: [S, B] whether all outputs of a list are right at time 1.
    """

    times: np.ndarray
    diagonals: np.ndarray
    entries: np.ndarray
    N: np.ndarray
    errors: np.ndarray
    gaps: np.ndarray
    right: np.ndarray


def draw_sorting(shown: dict[str, Shown]) -> Figure:
    """A column a method, the diagonal of H(t) over N; beside them errors by time, and lists that are right by gap."""
    count = len(shown)
    figure = Figure(figsize=(2.5 * count + 4.2, 5.6), layout="constrained")
    panels = figure.subplots(2, count + 1, squeeze=False, width_ratios=[1] * count + [1.5])
    for column, (method, found) in enumerate(shown.items()):
        _draw_diagonals(panels[0, column], found)
        panels[0, column].set(title=method)
        _draw_matrix(panels[1, column], found.N)
    panels[0, 0].set_ylabel("diagonal of $H(t)$")
    by_time, by_gap = panels[:, -1]
    for index, (method, found) in enumerate(shown.items()):
        draw_band(by_time, found.times, found.errors.min(axis=1), found.errors.max(axis=1), index)
        draw_line(by_time, found.times, found.errors.mean(axis=1), method, index)
        draw_line(by_gap, *_by_gap(found), method, index)
    by_time.set(yscale="log", xlabel="time $t$", ylabel="error of the diagonal of $H(t)$")
    by_gap.set(xscale="log", xlabel="smallest gap of the list", ylabel="lists right at time 1 (%)")
    for axis in (by_time.yaxis, by_gap.xaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    by_time.legend(frameon=False, fontsize="small")
    for axes in (*panels[0], by_gap):
        dress_panel(axes)
    return figure


def _draw_diagonals(axes: Axes, found: Shown) -> None:
    seen = found.times <= 1
    for entry in found.entries:
        axes.axhline(entry, color="0.6", linewidth=0.8)
    for index, line in enumerate(found.diagonals[seen].T):
        axes.plot(found.times[seen], line, color=COLOURS[index % 7], linestyle=LINES[index % 4])
    axes.set(xlabel="time $t$")


def _draw_matrix(axes: Axes, N: np.ndarray) -> None:
    """N less its mean eigenvalue, which does not move W; rounded numbers in its cells."""
    centred = N - np.trace(N) / len(N) * np.eye(len(N))
    reach = np.abs(centred).max()
    axes.imshow(centred, cmap="RdBu_r", vmin=-reach, vmax=reach)
    for (row, column), value in np.ndenumerate(centred):
        dark = abs(value) > 0.6 * reach
        axes.text(
            column,
            row,
            f"{round(value)}",
            ha="center",
            va="center",
            fontsize=7,
            color="w" if dark else "k",
        )
    axes.set(xticks=[], yticks=[], xlabel="$N$ less its mean eigenvalue")


def _by_gap(found: Shown) -> tuple[np.ndarray, np.ndarray]:
    """Median gap and per cent of lists right, in each of eight groups of lists by their smallest gap."""
    order = np.argsort(found.gaps, axis=None)
    gaps, right = (np.array_split(values.ravel()[order], _GROUPS) for values in (found.gaps, found.right))
    return np.array([np.median(group) for group in gaps]), np.array([100 * group.mean() for group in right])
