"""Curves over seeds, a panel a task, as pictures. Free of JAX."""

import logging
import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from odes_rl.errors import UserError
from odes_rl.reports.drawing import draw_alone, draw_band, draw_line, dress, picture_files, plain, save
from odes_rl.reports.finding import Found, check_metric, find_runs
from odes_rl.reports.seeds import DivergedError, NothingYetError, Run, average_runs, group_runs, measure_of, read_run

_log = logging.getLogger(__name__)
_COLUMNS = 4
_LEGEND_WIDTH = 80
"""Characters of a line of the legend."""


def plot_curves(paths: Sequence[str | Path], output: str | Path, metric: str | None = None) -> list[Path]:
    """Draw the curves of the runs at `paths`, of `metric` or of what they are measured by; the files written.

    Raises:
        UserError: if a path holds no run, a run has no returns yet or no such metric, or `output` cannot be written.
    """
    picture_files(output)  # a mistake there is told first
    found = find_runs(paths)
    if metric is not None:
        check_metric(found, metric)
    return save(draw_curves(_read(found, metric)), output)


def _read(found: Sequence[Found], metric: str | None) -> list[Run]:
    """The curves of the runs that were found; of those in comparisons only the ones that there are yet."""
    runs: list[Run] = []
    for path, label in found:
        try:
            runs.append(read_run(path, metric, label))
        except NothingYetError as error:
            if label is None or len(found) == 1:
                raise
            if isinstance(error, DivergedError):
                _log.warning("left out: %s", error)
    if not runs:
        raise UserError(f"none of {len(found)} runs has metrics to draw yet: continue them with `odes-rl resume`")
    return runs


def draw_curves(runs: Sequence[Run]) -> Figure:
    """A figure with a panel for each task, in it a line and a band for each experiment, and the legend below.

    What has one label looks the same in every panel. Colours suit the colour-blind; line styles and markers tell the
    curves apart without any.
    """
    measure = measure_of(runs)
    tasks = sorted({str(run.options.get(measure.place)) for run in runs})
    panels = {task: group_runs([run for run in runs if str(run.options.get(measure.place)) == task]) for task in tasks}
    labels = list(dict.fromkeys(label for groups in panels.values() for label in groups))
    columns = min(len(panels), _COLUMNS)
    rows = math.ceil(len(panels) / columns)
    width, height = (6.4, 4.2) if len(panels) == 1 else (max(3.4 * columns, 6.8), 2.9 * rows)
    figure = Figure(figsize=(width, height + 0.22 * len(labels)), layout="constrained")
    for place, (task, groups) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(rows, columns, place)
        _draw_groups(axes, groups, labels)
        dress(axes, measure)
        axes.set_title(plain(task))
    handles = {str(line.get_label()): line for axes in figure.axes for line in axes.lines}
    told = [textwrap.fill(f"{plain(label)} ({_seeds(label, panels)})", _LEGEND_WIDTH) for label in labels]
    legend = {"loc": "outside lower center", "frameon": False, "handlelength": 4}
    figure.legend([handles[label] for label in labels], told, **legend)
    return figure


def _draw_groups(axes: Axes, groups: Mapping[str, Sequence[Run]], labels: Sequence[str]) -> None:
    for label, group in groups.items():
        index, curve = labels.index(label), average_runs(group)
        draw_line(axes, curve.steps, curve.mean, label, index)
        draw_band(axes, curve.steps, curve.mean - curve.deviation, curve.mean + curve.deviation, index)
        draw_alone(axes, group, curve.steps[-1], index)


def _seeds(label: str, panels: Mapping[str, Mapping[str, Sequence[Run]]]) -> str:
    counts = sorted({len(groups[label]) for groups in panels.values() if label in groups})
    if counts == [1]:
        return "1 seed"
    return f"mean ± standard deviation of {' or '.join(map(str, counts))} seeds"
