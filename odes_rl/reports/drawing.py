"""The style of curves (colour, line, marker), and the files of figures. Free of JAX."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from odes_rl.errors import UserError
from odes_rl.reports.measures import RETURNS, Measure
from odes_rl.reports.seeds import Run

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe & Ito 2008
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "p")
_UNITS = (("G", 1e9, 1e9), ("M", 1e6, 1e6), ("k", 1e3, 1e4))
"""Of steps: a name, how many it is, and how many an axis must reach for it."""
_ENDINGS = (".png", ".pdf", ".svg")


def plain(text: str) -> str:
    """A user's `text` as Matplotlib is to show it, not as a formula between dollar signs."""
    return text.replace("$", r"\$")


def draw_line(axes: Axes, steps: np.ndarray, middle: np.ndarray, label: str, index: int) -> None:
    """The `index`-th line of `axes`, through `middle` [n] at `steps` [n]."""
    every = max(1, steps.size // 8)
    axes.plot(
        steps,
        middle,
        color=COLOURS[index % len(COLOURS)],
        linestyle=LINES[index % len(LINES)],
        marker=MARKERS[index % len(MARKERS)],
        markevery=(index % every, every),
        markersize=4,
        label=label,
    )


def draw_band(axes: Axes, steps: np.ndarray, low: np.ndarray, high: np.ndarray, index: int) -> None:
    """The band of the `index`-th line, from `low` [n] to `high` [n] at `steps` [n]; a bar at a single step."""
    colour = COLOURS[index % len(COLOURS)]
    if steps.size == 1:
        axes.vlines(steps, low, high, color=colour, alpha=0.4, linewidth=4)
    else:
        axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)


def draw_alone(axes: Axes, runs: Sequence[Run], start: float, index: int) -> None:
    """Thin lines of the seeds that go on alone after the step `start`, as the `index`-th line."""
    for run in runs:
        later = run.steps > start
        steps = np.append(start, run.steps[later])
        returns = np.append(np.interp(start, run.steps, run.returns), run.returns[later])
        axes.plot(
            steps,
            returns,
            linewidth=0.7,
            color=COLOURS[index % len(COLOURS)],
            linestyle=LINES[index % len(LINES)],
        )


def dress(axes: Axes, measure: Measure = RETURNS) -> None:
    """Units, and what every panel has; call it when everything is drawn."""
    axes.set_xlabel(measure.steps_label)
    low, high = axes.dataLim.intervalx
    if low == high:  # matplotlib would show marks a fraction of a step apart
        axes.set_xticks([low])
    else:
        axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: steps_text(value, high))
    axes.set_ylabel(measure.values_label)
    dress_panel(axes)


def steps_text(value: float, most: float) -> str:
    """A number of steps on an axis that reaches up to `most`, all in one unit: `0`, `0.5 M`, `1 M`."""
    unit, factor = next(((name, size) for name, size, reached in _UNITS if most >= reached), ("", 1.0))
    return f"{value / factor:g} {unit}" if value and unit else f"{value:,.10g}"


def dress_panel(axes: Axes) -> None:
    """A grid, and no frame where there is no axis."""
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def picture_files(output: str | Path) -> list[Path]:
    """The files that a picture is written to: `output`, or where it has no ending a PNG and a PDF of that name.

    Raises:
        UserError: if it has another ending, or no name.
    """
    path = Path(output)
    if not path.name or str(output).endswith(os.sep):
        raise UserError(f"output is {str(output)!r}, a directory: name a file in it")
    if not path.suffix:
        return [path.with_name(f"{path.name}.{kind}") for kind in ("png", "pdf")]
    if path.suffix.lower() not in _ENDINGS:
        raise UserError(
            f"output is {str(output)!r}, but must end in {', '.join(_ENDINGS)}, or have no extension (a PNG and a PDF)"
        )
    return [path]


def save(figure: Figure, output: str | Path) -> list[Path]:
    """Write `figure` to the `picture_files` of `output`; their paths.

    Raises:
        UserError: if `output` has another ending, or no name, or they cannot be written.
    """
    written = picture_files(output)
    try:
        written[0].parent.mkdir(parents=True, exist_ok=True)
        for path in written:
            figure.savefig(path, dpi=200)
    except OSError as error:
        raise UserError(f"cannot write {str(output)!r}: {error.strerror}") from None
    return written
