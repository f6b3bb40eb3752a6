"""What a comparison came to, from its run directories alone. Free of JAX."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from odes_rl.errors import UserError
from odes_rl.records.files import CELL, METRICS
from odes_rl.records.metrics import Metrics, read_metrics
from odes_rl.reports.seeds import Run, read_run


class Place(NamedTuple):
    """Where a cell is recorded: labels of its task and policy, its seed, its run directory."""

    task: str
    policy: str
    seed: int
    path: Path


class Comparison(NamedTuple):
    """What a report is of.

    Attributes:
        env_steps: that each run takes.
        thresholds: label of each task, in order → the return worth reaching on it, or None.
        policies: labels, in order.
        baseline: the label that the others are measured against.
        places: of all cells.
        failures: of those that failed → the reason.
    """

    env_steps: int
    thresholds: Mapping[str, float | None]
    policies: tuple[str, ...]
    baseline: str
    places: tuple[Place, ...]
    failures: Mapping[Place, str]


class Result(NamedTuple):
    """What a cell came to.

    Attributes:
        place: the cell.
        run: its curve, cut where it has taken the comparison's environment steps.
        finished: whether it has taken them.
        parameters: of its policy; None if it was not written down.
        env_steps_per_second: median over generations; None if there is none.
    """

    place: Place
    run: Run
    finished: bool
    parameters: int | None
    env_steps_per_second: float | None


def read_results(comparison: Comparison) -> list[Result]:
    """The results of all cells with an evaluation.

    Raises:
        UserError: if no cell has one yet, or metrics cannot be read.
    """
    results = [_read(place, comparison.env_steps) for place in comparison.places if (place.path / METRICS).exists()]
    found = [result for result in results if result is not None]
    if not found:
        raise UserError("no cell has been evaluated yet, so there is nothing to report")
    return found


def results_of(results: Sequence[Result], task: str, policy: str) -> list[Result]:
    """Those of a policy on a task: the finished ones, or all as long as none is."""
    group = [result for result in results if (result.place.task, result.place.policy) == (task, policy)]
    return [result for result in group if result.finished] or group


def unfinished(results: Sequence[Result], task: str, policy: str) -> list[Result]:
    """Those that `results_of` leaves out."""
    group = [result for result in results if (result.place.task, result.place.policy) == (task, policy)]
    kept = results_of(results, task, policy)
    return [result for result in group if result not in kept]


def _read(place: Place, env_steps: int) -> Result | None:
    lines = _until(read_metrics(place.path / METRICS), env_steps)
    if not any(line.get("evaluation_return_mean") is not None for line in lines):
        return None
    run = read_run(place.path)
    inside = run.steps <= lines[-1]["env_steps"]
    speeds = [line["env_steps_per_second"] for line in lines if line.get("env_steps_per_second") is not None]
    return Result(
        place,
        run._replace(steps=run.steps[inside], returns=run.returns[inside]),
        lines[-1]["env_steps"] >= env_steps,
        _written(place.path).get("parameters"),
        float(np.median(speeds)) if speeds else None,
    )


def _until(lines: list[Metrics], env_steps: int) -> list[Metrics]:
    """The lines up to the first one at which `env_steps` are taken."""
    reached = [index for index, line in enumerate(lines) if line["env_steps"] >= env_steps]
    return lines[: reached[0] + 1] if reached else lines


def _written(path: Path) -> dict[str, Any]:
    return json.loads((path / CELL).read_text(encoding="utf-8")) if (path / CELL).exists() else {}
