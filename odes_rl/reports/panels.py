"""A panel for each task, a line for each policy or model (Choromanski et al. 2020, Figure 2). Free of JAX."""

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from odes_rl.reports.comparison import Comparison, Result, results_of, unfinished
from odes_rl.reports.drawing import draw_alone, draw_band, draw_line, dress, plain
from odes_rl.reports.seeds import Run, at_common_steps, average_runs
from odes_rl.reports.statistics import interquartile_interval, interquartile_mean

_COLUMNS = 4
_POINTS = 100
"""Largest number of points at which intervals are drawn: each costs two thousand means."""
_ENTRY_WIDTH = 1.45
"""Inches of an entry of the legend."""


_LEGEND: dict[str, Any] = {"loc": "outside lower center", "frameon": False, "handlelength": 3, "columnspacing": 1.2}


class Band(NamedTuple):
    """Environment steps or epochs [n], the middle [n] of some seeds there, and the ends of the band around it [n]."""

    steps: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Kind(NamedTuple):
    """The statistic that lines and bands of a figure show: its description, and its values for some runs."""

    words: str
    band: Callable[[Sequence[Run]], Band]


def mean_band(runs: Sequence[Run]) -> Band:
    """Mean ± sample standard deviation over seeds."""
    curve = average_runs(runs)
    return Band(curve.steps, curve.mean, curve.mean - curve.deviation, curve.mean + curve.deviation)


def interquartile_band(runs: Sequence[Run]) -> Band:
    """Interquartile mean over seeds in its bootstrap interval of 95 %; a line without a band for one seed."""
    steps, values = at_common_steps(runs, _POINTS)
    middle, interval = interquartile_mean(values), interquartile_interval(values)
    return Band(steps, middle, *(interval or (middle, middle)))


MEAN = Kind("mean ± standard deviation over seeds", mean_band)
INTERQUARTILE = Kind("interquartile mean over seeds, 95 % bootstrap interval", interquartile_band)


def draw_panels(comparison: Comparison, results: Sequence[Result], tasks: Sequence[str], kind: Kind) -> Figure:
    """A figure with a panel for each of `tasks`, and one legend below them all.

    A learner looks the same in every panel. Seeds that are unfinished, where others are not, are thin lines.
    """
    columns = min(len(tasks), _COLUMNS)
    rows = math.ceil(len(tasks) / columns)
    width = max(3.1 * columns, 4.2)
    entries = max(1, int(width / _ENTRY_WIDTH))
    legend = 0.2 * math.ceil(len(comparison.learners) / entries)
    figure = Figure(figsize=(width, 2.7 * rows + legend + 0.3), layout="constrained")
    for place, task in enumerate(tasks, 1):
        axes = figure.add_subplot(rows, columns, place)
        _draw_panel(axes, comparison, results, task, kind)
    handles = {str(line.get_label()): line for axes in figure.axes for line in axes.lines}
    shown = [label for label in comparison.learners if label in handles]
    figure.legend([handles[label] for label in shown], [*map(plain, shown)], ncols=entries, fontsize="small", **_LEGEND)
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.06)  # pyright: ignore
    figure.suptitle(textwrap.fill(_title(results, tasks, kind), int(13 * width)), fontsize="medium")
    return figure


def _title(results: Sequence[Result], tasks: Sequence[str], kind: Kind) -> str:
    """What the lines show: a statistic over seeds, or single seeds."""
    shown = {result.place[:2] for result in results if result.place.task in tasks}
    counts = [len(results_of(results, *labels)) for labels in shown]
    if max(counts) == 1:
        return "one seed each"
    return f"{kind.words}; no band: one seed" if min(counts) == 1 else kind.words


def _draw_panel(axes: Axes, comparison: Comparison, results: Sequence[Result], task: str, kind: Kind) -> None:
    for index, learner in enumerate(comparison.learners):
        runs = [result.run for result in results_of(results, task, learner)]
        if not runs:
            continue
        band = kind.band(runs)
        draw_line(axes, band.steps, band.middle, learner, index)
        draw_band(axes, band.steps, band.low, band.high, index)
        for result in unfinished(results, task, learner):
            draw_alone(axes, [result.run], result.run.steps[0], index)
    dress(axes, comparison.measure)
    axes.set_title(plain(task))
