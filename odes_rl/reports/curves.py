"""Reward curves over seeds, as PNG and PDF. Free of JAX."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from odes_rl.errors import UserError
from odes_rl.reports.seeds import Curve, Run, average_runs, group_runs, read_run

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe & Ito 2008
_LINES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "p")


def plot_curves(paths: Sequence[str | Path], output: str | Path) -> list[Path]:
    """Draw the curves of the runs at `paths`; the PNG and the PDF written, beside each other at `output`.

    Raises:
        UserError: if a path holds no run, a run has no returns yet, or `output` cannot be written.
    """
    figure = draw_curves([read_run(path) for path in paths])
    stem = Path(output)
    stem = stem.with_suffix("") if stem.suffix.lower() in (".png", ".pdf") else stem
    written = [stem.with_name(f"{stem.name}.{kind}") for kind in ("png", "pdf")]
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        for path in written:
            figure.savefig(path, dpi=200)
    except OSError as error:
        raise UserError(f"cannot write {str(stem)!r}: {error.strerror}") from None
    return written


def draw_curves(runs: Sequence[Run]) -> Figure:
    """A figure with a line and a band for each experiment among `runs`, and the legend below the axes.

    Colours suit the colour-blind; line styles and markers tell the curves apart without any.
    """
    groups = group_runs(runs)
    figure = Figure(figsize=(6.4, 4.2 + 0.22 * len(groups)), layout="constrained")
    axes = figure.add_subplot()
    for index, (label, group) in enumerate(groups.items()):
        curve = average_runs(group)
        _draw_curve(axes, curve, label, index)
        _draw_tails(axes, group, curve.steps[-1], index)
    axes.set_xlabel("environment steps")
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.set_ylabel("return")
    axes.set_title(", ".join(sorted({str(run.options.get("task.id")) for run in runs})))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", frameon=False, handlelength=4)
    return figure


def _draw_curve(axes: Axes, curve: Curve, label: str, index: int) -> None:
    colour = _COLOURS[index % len(_COLOURS)]
    seeds = f"mean ± standard deviation of {curve.seeds} seeds" if curve.seeds > 1 else "1 seed"
    axes.plot(
        curve.steps,
        curve.mean,
        color=colour,
        linestyle=_LINES[index % len(_LINES)],
        marker=_MARKERS[index % len(_MARKERS)],
        markevery=max(1, curve.steps.size // 8),
        markersize=4,
        label=textwrap.fill(f"{label} ({seeds})", 80),
    )
    low, high = curve.mean - curve.deviation, curve.mean + curve.deviation
    axes.fill_between(curve.steps, low, high, color=colour, alpha=0.2, linewidth=0)


def _draw_tails(axes: Axes, runs: Sequence[Run], start: float, index: int) -> None:
    """Thin lines of the seeds that go on alone after the step `start`, where the shortest ends."""
    style: Any = {"color": _COLOURS[index % len(_COLOURS)], "linestyle": _LINES[index % len(_LINES)]}
    for run in runs:
        later = run.steps > start
        steps = np.append(start, run.steps[later])
        returns = np.append(np.interp(start, run.steps, run.returns), run.returns[later])
        axes.plot(steps, returns, linewidth=0.7, **style)
