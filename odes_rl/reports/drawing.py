"""How a curve looks: told apart by colour, by line and by marker. Free of JAX."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from odes_rl.errors import UserError
from odes_rl.reports.seeds import RETURNS, Measure, Run

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe & Ito 2008
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "p")


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
    """The band of the `index`-th line, from `low` [n] to `high` [n] at `steps` [n]."""
    axes.fill_between(steps, low, high, color=COLOURS[index % len(COLOURS)], alpha=0.2, linewidth=0)


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
    """Units, and what every panel has."""
    axes.set_xlabel(measure.steps_label)
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.set_ylabel(measure.values_label)
    dress_panel(axes)


def dress_panel(axes: Axes) -> None:
    """A grid, and no frame where there is no axis."""
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def stem_of(output: str | Path) -> Path:
    """`output` without the suffix of a picture, for both kinds go beside each other."""
    path = Path(output)
    return path.with_suffix("") if path.suffix.lower() in (".png", ".pdf") else path


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write `figure` as PNG and PDF, beside each other under the name `stem`.

    Raises:
        UserError: if they cannot be written.
    """
    written = [stem.with_name(f"{stem.name}.{kind}") for kind in ("png", "pdf")]
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        for path in written:
            figure.savefig(path, dpi=200)
    except OSError as error:
        raise UserError(f"cannot write {str(stem)!r}: {error.strerror}") from None
    return written
