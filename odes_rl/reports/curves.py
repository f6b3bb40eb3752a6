"""Reward curves over seeds, read from run directories alone. Free of JAX."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from odes_rl.errors import UserError
from odes_rl.records.files import CONFIG, METRICS, read_yaml, require_run
from odes_rl.records.metrics import read_metrics

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe & Ito 2008
_LINES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "p")
_NO_PART_OF_AN_EXPERIMENT = {
    "run.directory",
    "run.seed",
    "run.generations",
    "run.checkpoint_every",
    "run.keep_checkpoints",
    "rollouts.workers",
    "rollouts.lanes",
}
"""Options in which runs of one experiment may differ: none of them changes what a seed learns by a generation."""
_POINTS = 400


class Run(NamedTuple):
    """One seed's curve: dotted options of its config, environment steps [n], returns [n]."""

    options: dict[str, Any]
    steps: np.ndarray
    returns: np.ndarray


class Curve(NamedTuple):
    """Environment steps [n], mean [n] and sample standard deviation [n] (0 for one seed) of `seeds` runs."""

    steps: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    seeds: int


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


def read_run(path: str | Path) -> Run:
    """The curve of the run at `path`: its evaluations if it has any, else the mean return of its candidates.

    Raises:
        UserError: if there is no run, or it has no returns yet.
    """
    directory = require_run(path)
    options = _flatten(read_yaml(directory / CONFIG))
    lines = read_metrics(directory / METRICS)
    for name in ("evaluation_return_mean", "return_mean"):
        points = [(line["env_steps"], line[name]) for line in lines if line.get(name) is not None]
        if points:
            steps, returns = np.asarray(points, float).T
            return Run(options, steps, returns)
    raise UserError(f"{str(path)!r} has no returns yet: let it train at least one generation")


def group_runs(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs of one experiment together, under a label that names what tells the experiments apart."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(repr(sorted(_experiment(run).items())), []).append(run)
    experiments = [_experiment(group[0]) for group in groups.values()]
    names = sorted({name for experiment in experiments for name in experiment})
    telling = [name for name in names if len({repr(e[name]) for e in experiments if name in e}) > 1]
    labelled: dict[str, list[Run]] = {}
    for experiment, group in zip(experiments, groups.values(), strict=True):
        label = _label(experiment, telling)
        labelled[f"{label}, {len(labelled) + 1}" if label in labelled else label] = group
    return labelled


def average_runs(runs: Sequence[Run]) -> Curve:
    """Mean and deviation over seeds at common steps, between whose points returns are interpolated.

    Where some runs have ended, the statistics are those of the others.
    """
    steps = np.unique(np.concatenate([run.steps for run in runs]))
    if steps.size > _POINTS:
        steps = np.linspace(steps[0], steps[-1], _POINTS)
    values = np.array([np.interp(steps, r.steps, r.returns, left=math.nan, right=math.nan) for r in runs])
    count = np.isfinite(values).sum(axis=0)
    steps, values, count = steps[count > 0], values[:, count > 0], count[count > 0]
    mean = np.nanmean(values, axis=0)
    squares = np.nansum((values - mean) ** 2, axis=0)
    return Curve(steps, mean, np.sqrt(squares / np.maximum(count - 1, 1)), len(runs))


def draw_curves(runs: Sequence[Run]) -> Figure:
    """A figure with a line and a band for each experiment among `runs`, and the legend below the axes."""
    groups = group_runs(runs)
    figure = Figure(figsize=(6.4, 4.2 + 0.22 * len(groups)), layout="constrained")
    axes = figure.add_subplot()
    for index, (label, group) in enumerate(groups.items()):
        _draw_curve(axes, average_runs(group), label, index)
    axes.set_xlabel("environment steps")
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


def _experiment(run: Run) -> dict[str, Any]:
    return {name: v for name, v in run.options.items() if name not in _NO_PART_OF_AN_EXPERIMENT}


def _label(experiment: Mapping[str, Any], telling: Sequence[str]) -> str:
    """The policy's name, then the task and the other options that differ between experiments."""
    rest = [name for name in telling if name not in ("policy.name", "task.id") and name in experiment]
    task = [str(experiment["task.id"])] if "task.id" in telling else []
    options = [f"{name.partition('.')[2]} {experiment[name]}" for name in rest]
    return ", ".join([str(experiment.get("policy.name")), *task, *options])


def _flatten(config: Mapping[str, Any]) -> dict[str, Any]:
    sections = {section: options for section, options in config.items() if isinstance(options, dict)}
    return {
        f"{section}.{option}": v for section, options in sections.items() for option, v in options.items()
    }
