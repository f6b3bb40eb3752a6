"""What a comparison came to, from its run directories alone. Free of JAX."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from odes_rl.errors import UserError
from odes_rl.reports.accuracies import evaluated_accuracies
from odes_rl.reports.measures import RETURNS, Measure
from odes_rl.reports.seeds import Run, read_run
from odes_rl.runs.files import CELL, METRICS
from odes_rl.runs.metrics import Metrics, read_metrics


class Place(NamedTuple):
    """Where a cell is recorded: labels of its task, or data, and of its policy, or model; seed, and run directory."""

    task: str
    learner: str
    seed: int
    path: Path


class Comparison(NamedTuple):
    """What a report is of.

    Attributes:
        budget: environment steps or epochs that each run takes.
        thresholds: label of each task, in order → the value worth reaching on it, or None.
        learners: labels of the policies, or models, in order.
        baseline: the label that the others are measured against.
        places: of all cells.
        failures: of those that failed → the reason.
        measure: what they came to.
    """

    budget: int
    thresholds: Mapping[str, float | None]
    learners: tuple[str, ...]
    baseline: str
    places: tuple[Place, ...]
    failures: Mapping[Place, str]
    measure: Measure = RETURNS


class Result(NamedTuple):
    """What a cell came to.

    Attributes:
        place: the cell.
        run: its curve, cut where it has gone as far as the comparison.
        finished: whether it has.
        parameters: of its policy or model; None if it was not written down.
        speed: environment steps or examples a second, median over generations or epochs; None if there is none.
        accuracies: set that the last evaluation was on → accuracy, of supervised runs.
    """

    place: Place
    run: Run
    finished: bool
    parameters: int | None
    speed: float | None
    accuracies: Mapping[str, float]


def read_results(comparison: Comparison) -> list[Result]:
    """The results of all cells with an evaluation.

    Raises:
        UserError: if no cell has one yet, or metrics cannot be read.
    """
    results = [_read(place, comparison) for place in comparison.places if (place.path / METRICS).exists()]
    found = [result for result in results if result is not None]
    if not found:
        raise UserError("no cell has been evaluated yet, so there is nothing to report")
    return found


def results_of(results: Sequence[Result], task: str, learner: str) -> list[Result]:
    """Those of a policy or model on a task: the finished ones, or all as long as none is."""
    group = [result for result in results if (result.place.task, result.place.learner) == (task, learner)]
    return [result for result in group if result.finished] or group


def unfinished(results: Sequence[Result], task: str, learner: str) -> list[Result]:
    """Those that `results_of` leaves out."""
    group = [result for result in results if (result.place.task, result.place.learner) == (task, learner)]
    kept = results_of(results, task, learner)
    return [result for result in group if result not in kept]


def _read(place: Place, comparison: Comparison) -> Result | None:
    measure, budget = comparison.measure, comparison.budget
    lines = _until(read_metrics(place.path / METRICS), measure.steps, budget)
    evaluated = [line for line in lines if line.get(measure.values[0]) is not None]
    if not evaluated:
        return None
    run = read_run(place.path)
    inside = run.steps <= lines[-1][measure.steps]
    speeds = [line[measure.speed] for line in lines if line.get(measure.speed) is not None]
    return Result(
        place,
        run._replace(steps=run.steps[inside], returns=run.returns[inside]),
        lines[-1][measure.steps] >= budget,
        _written(place.path).get("parameters"),
        float(np.median(speeds)) if speeds else None,
        evaluated_accuracies(evaluated[-1]),
    )


def _until(lines: list[Metrics], steps: str, budget: int) -> list[Metrics]:
    """The lines up to the first one whose metric `steps` has come to `budget`."""
    reached = [index for index, line in enumerate(lines) if line[steps] >= budget]
    return lines[: reached[0] + 1] if reached else lines


def _written(path: Path) -> dict[str, Any]:
    return json.loads((path / CELL).read_text(encoding="utf-8")) if (path / CELL).exists() else {}
