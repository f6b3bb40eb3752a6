"""The results of a comparison, read from its run directories. Free of JAX."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from odes_rl.errors import UserError
from odes_rl.reports.fitted import evaluated_accuracies
from odes_rl.reports.measures import RETURNS, Measure
from odes_rl.reports.seeds import Run, measured, read_run
from odes_rl.runs.files import CELL, METRICS
from odes_rl.runs.metrics import Metrics, read_metrics


class Place(NamedTuple):
    """A cell's labels (of its task or data set, and of its policy or model), seed and run directory."""

    task: str
    learner: str
    seed: int
    path: Path

    @property
    def name(self) -> str:
        """The cell's name in messages."""
        return f"{self.task}, {self.learner}, seed {self.seed}"


class Comparison(NamedTuple):
    """The cells and labels of a report.

    Attributes:
        budgets: label of each task → environment steps or epochs of each run on it.
        thresholds: label of each task, in order → the value to reach on it, or None.
        learners: labels of the policies, or models, in order.
        baseline: label of the policy or model that the others are compared with.
        places: all cells.
        failures: failed cell → reason.
        measure: the measured quantity.
    """

    budgets: Mapping[str, int]
    thresholds: Mapping[str, float | None]
    learners: tuple[str, ...]
    baseline: str
    places: tuple[Place, ...]
    failures: Mapping[Place, str]
    measure: Measure = RETURNS


class Result(NamedTuple):
    """The result of a cell.

    Attributes:
        place: the cell.
        run: its curve, up to the budget of its task; an evaluation that is not finite counts as its worst one that is.
        finished: whether it has reached the budget.
        parameters: number of parameters of its policy or model; None if not recorded.
        activation_bytes: temporary memory of its training, for supervised runs; None if not recorded.
        speed: environment steps or examples a second, median over generations or epochs; None if unknown.
        accuracies: test set → accuracy in the last evaluation, for supervised runs; in the worst one if it diverged.
        stuck: evaluations at its end that did not improve, if they are as many as its `run.stuck_evaluations`; else 0.
    """

    place: Place
    run: Run
    finished: bool
    parameters: int | None
    activation_bytes: int | None
    speed: float | None
    accuracies: Mapping[str, float]
    stuck: int


def read_results(comparison: Comparison) -> list[Result]:
    """The results of all cells with a finite evaluation.

    Raises:
        UserError: if no cell has one yet, or metrics cannot be read.
    """
    results = [_read(place, comparison) for place in comparison.places if (place.path / METRICS).exists()]
    found = [result for result in results if result is not None]
    if not found:
        raise UserError("no run of the comparison has a finite evaluation yet, so there is nothing to report")
    return found


def diverged(comparison: Comparison, results: Sequence[Result]) -> list[Place]:
    """The cells that are finished without one finite evaluation: they have no result."""
    found = {result.place for result in results}
    return [place for place in comparison.places if place not in found and _is_over(place, comparison)]


def _is_over(place: Place, comparison: Comparison) -> bool:
    path, measure = place.path / METRICS, comparison.measure
    lines = read_metrics(path) if path.exists() else []
    return any(line[measure.steps] >= comparison.budgets[place.task] for line in lines if measure.values[0] in line)


def results_of(results: Sequence[Result], task: str, learner: str) -> list[Result]:
    """Results of a policy or model on a task: the finished ones, or all while none is finished."""
    group = [result for result in results if (result.place.task, result.place.learner) == (task, learner)]
    return [result for result in group if result.finished] or group


def unfinished(results: Sequence[Result], task: str, learner: str) -> list[Result]:
    """Results that `results_of` leaves out."""
    group = [result for result in results if (result.place.task, result.place.learner) == (task, learner)]
    kept = results_of(results, task, learner)
    return [result for result in group if result not in kept]


def _read(place: Place, comparison: Comparison) -> Result | None:
    measure, budget = comparison.measure, comparison.budgets[place.task]
    lines = _until(read_metrics(place.path / METRICS), measure.steps, budget)
    evaluated = [line for line in lines if measured(line, measure.values[0]) is not None]
    if not evaluated:
        return None
    run = read_run(place.path, worst_for_gaps=True)
    since = [line["evaluations_since_improvement"] for line in lines if "evaluations_since_improvement" in line]
    inside = run.steps <= lines[-1][measure.steps]
    speeds = [line[measure.speed] for line in lines if line.get(measure.speed) is not None]
    return Result(
        place,
        run._replace(steps=run.steps[inside], returns=run.returns[inside]),
        lines[-1][measure.steps] >= budget,
        _written(place.path).get("parameters"),
        lines[-1].get("activation_bytes"),
        float(np.median(speeds)) if speeds else None,
        evaluated_accuracies(_counted(evaluated, lines, measure)),
        _stuck(since[-1] if since else None, run.options.get("run.stuck_evaluations")),
    )


def _counted(evaluated: Sequence[Metrics], lines: Sequence[Metrics], measure: Measure) -> Metrics:
    """The last evaluation among `lines`, or the worst of those that are finite, `evaluated`, if it is not finite."""
    name = measure.values[0]
    last = [line for line in lines if name in line][-1]
    worst = min(evaluated, key=lambda line: measure.sign * line[name])
    return worst if measured(last, name) is None else last


def _stuck(since: int | None, limit: int | None) -> int:
    return since if since is not None and limit is not None and since >= limit else 0


def _until(lines: list[Metrics], steps: str, budget: int) -> list[Metrics]:
    """The lines up to the first one whose metric `steps` reaches `budget`."""
    reached = [index for index, line in enumerate(lines) if line[steps] >= budget]
    return lines[: reached[0] + 1] if reached else lines


def _written(path: Path) -> dict[str, Any]:
    try:
        return json.loads((path / CELL).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # of a run that no comparison started, or damaged
        return {}
