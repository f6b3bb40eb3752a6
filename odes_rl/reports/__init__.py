"""Figures and tables of runs, read from their directories."""

from typing import TYPE_CHECKING

from odes_rl.lazy import lazy_names

if TYPE_CHECKING:
    from odes_rl.reports.curves import draw_curves, plot_curves
    from odes_rl.reports.drawing import COLOURS, LINES, MARKERS, draw_band, draw_line, dress_panel, save
    from odes_rl.reports.seeds import Curve, Run, average_runs, read_run
    from odes_rl.reports.statistics import (
        Interval,
        deviation,
        improvement_interval,
        interquartile_interval,
        interquartile_mean,
    )

__all__ = [
    "COLOURS",
    "LINES",
    "MARKERS",
    "Curve",
    "Interval",
    "Run",
    "average_runs",
    "deviation",
    "draw_band",
    "draw_curves",
    "draw_line",
    "dress_panel",
    "improvement_interval",
    "interquartile_interval",
    "interquartile_mean",
    "plot_curves",
    "read_run",
    "save",
]
_HOMES = {
    **dict.fromkeys(("draw_curves", "plot_curves"), "odes_rl.reports.curves"),
    **dict.fromkeys(
        ("COLOURS", "LINES", "MARKERS", "draw_band", "draw_line", "dress_panel", "save"), "odes_rl.reports.drawing"
    ),
    **dict.fromkeys(("Curve", "Run", "average_runs", "read_run"), "odes_rl.reports.seeds"),
    **dict.fromkeys(
        ("Interval", "deviation", "improvement_interval", "interquartile_interval", "interquartile_mean"),
        "odes_rl.reports.statistics",
    ),
}
"""The module of each public name; they are imported when they are asked for, because Matplotlib is slow to import."""
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
