"""Reward curves over seeds, as PNG and PDF. Free of JAX."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from odes_rl.reports.drawing import draw_alone, draw_band, draw_line, dress, save, stem_of
from odes_rl.reports.seeds import Run, average_runs, group_runs, measure_of, read_run


def plot_curves(paths: Sequence[str | Path], output: str | Path) -> list[Path]:
    """Draw the curves of the runs at `paths`; the PNG and the PDF written, beside each other at `output`.

    Raises:
        UserError: if a path holds no run, a run has no returns yet, or `output` cannot be written.
    """
    figure = draw_curves([read_run(path) for path in paths])
    return save(figure, stem_of(output))


def draw_curves(runs: Sequence[Run]) -> Figure:
    """A figure with a line and a band for each experiment among `runs`, and the legend below the axes.

    Colours suit the colour-blind; line styles and markers tell the curves apart without any.
    """
    groups, measure = group_runs(runs), measure_of(runs)
    figure = Figure(figsize=(6.4, 4.2 + 0.22 * len(groups)), layout="constrained")
    axes = figure.add_subplot()
    for index, (label, group) in enumerate(groups.items()):
        curve = average_runs(group)
        seeds = f"mean ± standard deviation of {curve.seeds} seeds" if curve.seeds > 1 else "1 seed"
        draw_line(axes, curve.steps, curve.mean, textwrap.fill(f"{label} ({seeds})", 80), index)
        draw_band(axes, curve.steps, curve.mean - curve.deviation, curve.mean + curve.deviation, index)
        draw_alone(axes, group, curve.steps[-1], index)
    dress(axes, measure)
    axes.set_title(", ".join(sorted({str(run.options.get(measure.place)) for run in runs})))
    figure.legend(loc="outside lower center", frameon=False, handlelength=4)
    return figure
