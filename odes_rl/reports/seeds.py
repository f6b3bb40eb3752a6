"""Curves from run directories; seeds of one experiment put together. Free of JAX."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from odes_rl.config import resumable
from odes_rl.errors import UserError
from odes_rl.reports.measures import ACCURACIES, FITTED, LOSSES, RETURNS, Measure
from odes_rl.runs.files import CONFIG, METRICS, require_run
from odes_rl.runs.metrics import Metrics, read_metrics
from odes_rl.yaml_text import read_yaml

_FREE = {*resumable.dotted(resumable.TRAINING), *resumable.dotted(resumable.FITTING)}
_NO_PART_OF_AN_EXPERIMENT = {"run.directory", "run.seed", *_FREE}
"""Options in which runs of one experiment may differ: most change nothing that a seed has learnt by a generation.

Some do in part: see `experiment_of`.
"""
_LENGTH, _BACKEND = {"run.generations", "run.env_steps"}, "rollouts.backend"
_POINTS = 400
_log = logging.getLogger(__name__)


class Run(NamedTuple):
    """One seed's curve.

    Attributes:
        options: dotted options of its config.
        steps: [n] environment steps or epochs.
        returns: [n] returns, accuracies, or whatever metric was asked for.
        measure: what they are.
        label: of the policy or model, in the comparison that the run is a part of.
    """

    options: dict[str, Any]
    steps: np.ndarray
    returns: np.ndarray
    measure: Measure = RETURNS
    label: str | None = None


class NothingYetError(UserError):
    """A run has not come to what should be shown of it."""


class DivergedError(NothingYetError):
    """A run has come to it, but nothing of it is finite."""


class Curve(NamedTuple):
    """Environment steps [n], mean [n] and sample standard deviation [n] (0 for one seed) of `seeds` runs."""

    steps: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    seeds: int


def read_run(
    path: str | Path, metric: str | None = None, label: str | None = None, *, worst_for_gaps: bool = False
) -> Run:
    """The curve of the run at `path`: its evaluations if it has any, else the mean return of its candidates.

    Values that are not finite are left out, or with `worst_for_gaps` replaced by the worst one that is. With `metric`
    it is that column of its metrics; `label` is that of the policy or model, if it has one.

    Raises:
        NothingYetError: if it has nothing to show yet.
        DivergedError: if nothing that it has is finite.
        UserError: if there is no run.
    """
    directory = require_run(path)
    options = _flatten(read_yaml(directory / CONFIG))
    lines = read_metrics(directory / METRICS)
    measure = _measure_of(options, lines)
    if metric is not None:
        measure = (ACCURACIES if measure is LOSSES else measure)._replace(values=(metric,), values_label=metric)
    for name in measure.values:
        value = measured if metric is None else Metrics.get
        points = [(line[measure.steps], value(line, name)) for line in lines if name in line]
        steps, values = np.asarray(points, float).reshape(-1, 2).T  # None becomes NaN
        finite = np.isfinite(values)
        if finite.any():
            worst = measure.sign * (measure.sign * values[finite]).min()
            kept = finite | worst_for_gaps
            return Run(options, steps[kept], np.where(finite, values, worst)[kept], measure, label)
    if metric is not None and lines and not any(metric in line for line in lines):
        raise NothingYetError(f"{str(path)!r} has no metric {metric} so far")
    if any(name in line for line in lines for name in measure.values):
        raise DivergedError(f"{str(path)!r} has no finite {measure.values_label}: all that it has so far diverged")
    raise NothingYetError(f"{str(path)!r} has no finite {measure.values_label} yet: continue it with `odes-rl resume`")


def measured(line: Metrics, name: str) -> float | None:
    """The metric `name` of a `line`; None if it is not finite, or the model diverged: its accuracy is chance then."""
    return None if line.get("test_loss", 0.0) is None else line.get(name)


def _measure_of(options: Mapping[str, Any], lines: Sequence[Metrics]) -> Measure:
    """Of a run with those dotted options, and lines of metrics."""
    if ACCURACIES.name not in options:
        return RETURNS
    return next((m for m in FITTED if any(m.values[0] in line for line in lines)), ACCURACIES)


def measure_of(runs: Sequence[Run]) -> Measure:
    """The measured quantity of `runs`.

    Raises:
        UserError: if it is not the same for all.
    """
    measures = {run.measure for run in runs}
    if len(measures) > 1:
        labels = sorted({measure.values_label for measure in measures})
        if len(labels) == 1:  # a metric that was asked for
            raise UserError("some runs are of policies, of classifiers or of videos, others not: give runs of one kind")
        raise UserError(f"some runs have the {labels[0]}, and others the {labels[1]}: give runs of one kind")
    return measures.pop()


def group_runs(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs of one experiment together, under a label that names what tells the experiments apart.

    Those of comparisons keep their labels there, as long as these tell them apart.

    Of runs with one seed only that which went furthest is kept, for they say the same: a warning tells of the others.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(repr(sorted(experiment_of(run).items())), []).append(run)
    experiments = [experiment_of(group[0]) for group in groups.values()]
    names = sorted({name for experiment in experiments for name in experiment})
    telling = [name for name in names if len({repr(e[name]) for e in experiments if name in e}) > 1]
    labelled: dict[str, list[Run]] = {}
    measure = measure_of(runs)
    own = [{run.label for run in group} for group in groups.values()]
    compared = None not in set.union(*own) and sum(map(len, own)) == len(groups) == len(set.union(*own))
    for experiment, group in zip(experiments, groups.values(), strict=True):
        label = str(group[0].label) if compared else _label(experiment, telling, measure)
        labelled[f"{label}, {len(labelled) + 1}" if label in labelled else label] = _distinct_seeds(group)
    return labelled


def average_runs(runs: Sequence[Run]) -> Curve:
    """Mean and deviation over seeds at common steps."""
    steps, values = at_common_steps(runs)
    deviation = values.std(axis=0, ddof=1) if len(runs) > 1 else np.zeros(steps.size)
    return Curve(steps, values.mean(axis=0), deviation, len(runs))


def at_common_steps(runs: Sequence[Run], most: int = _POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Environment steps [n], at `most` so many, and the returns [S, n] of S runs there, interpolated between points.

    They reach as far as all seeds do: a mean over those that happen to go on would jump where one ends.
    """
    first, last = max(run.steps[0] for run in runs), min(run.steps[-1] for run in runs)
    steps = np.unique(np.concatenate([run.steps for run in runs]).clip(first, last))
    if steps.size > most:
        steps = np.linspace(first, last, most)
    return steps, np.array([np.interp(steps, run.steps, run.returns) for run in runs])


def experiment_of(run: Run) -> dict[str, Any]:
    """The options of a run, without those in which runs of one experiment may differ, as the seed.

    The length of training is a part of it where a schedule goes by it; so is a backend with episodes of its own.
    """
    free = _NO_PART_OF_AN_EXPERIMENT - (_LENGTH if _goes_by_length(run.options) else set())
    options = {name: v for name, v in run.options.items() if name not in free}
    if _BACKEND in run.options:
        options[_BACKEND] = resumable.backend_kind(run.options[_BACKEND])
    return options


def _goes_by_length(options: Mapping[str, Any]) -> bool:
    schedules = [options.get(f"strategy.{of}_schedule") for of in ("sigma", "learning_rate")]
    cosine = "cosine" in schedules and options.get("strategy.schedule_horizon") is None
    return cosine or options.get("strategy.horizon") == "growing"


def _distinct_seeds(runs: Sequence[Run]) -> list[Run]:
    longest: dict[Any, Run] = {}
    for index, run in enumerate(runs):
        seed = run.options.get("run.seed", f"unknown {index}")
        if seed in longest:
            _log.warning("more than one run of the same experiment has seed %s: only the longest is used", seed)
        longest[seed] = max(longest.get(seed, run), run, key=lambda run: run.steps[-1])
    return list(longest.values())


def _label(experiment: Mapping[str, Any], telling: Sequence[str], measure: Measure) -> str:
    """The policy's or model's name, then the task and the other options that differ between experiments."""
    rest = [name for name in telling if name not in (measure.name, measure.place) and name in experiment]
    place = [str(experiment[measure.place])] if measure.place in telling else []
    options = [f"{name.partition('.')[2]} {experiment[name]}" for name in rest]
    return ", ".join([str(experiment.get(measure.name)), *place, *options])


def _flatten(config: Mapping[str, Any]) -> dict[str, Any]:
    sections = {section: options for section, options in config.items() if isinstance(options, dict)}
    return {f"{section}.{option}": v for section, options in sections.items() for option, v in options.items()}
