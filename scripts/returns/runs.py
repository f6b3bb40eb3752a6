"""Runs of the benchmark as data: a line a run and a line an evaluation, read from run directories or from CSV files."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from odes_rl.csv_text import csv_text
from odes_rl.errors import UserError
from odes_rl.reports.finding import Found, find_runs
from odes_rl.reports.measures import RETURNS
from odes_rl.reports.seeds import Run, experiment_of, read_run
from odes_rl.runs.files import CELL, LAUNCHES, METRICS
from odes_rl.runs.metrics import Metrics, read_metrics
from returns.levels import place_of

RUNS, EVALUATIONS = "benchmark_runs.csv", "benchmark_evaluations.csv"


class Key(NamedTuple):
    """Which run: task, policy, environment steps that it is to take, seed."""

    task: str
    policy: str
    env_steps: int
    seed: int


class Recorded(NamedTuple):
    """A run.

    Attributes:
        key: which one.
        taken: environment steps so far.
        parameters: of its policy.
        final: mean return of its last evaluation.
        best: of its best evaluation.
        hours: wall-clock time of training and evaluations.
        machine: that it ran on.
        evaluations: environment steps and mean return of each.
    """

    key: Key
    taken: int
    parameters: int
    final: float
    best: float
    hours: float
    machine: str
    evaluations: tuple[tuple[int, float], ...]

    @property
    def finished(self) -> bool:
        """Whether it has taken all of its environment steps."""
        return self.taken >= self.key.env_steps


def read_directories(paths: Sequence[str], machine: str) -> list[Recorded]:
    """The runs at `paths`, sorted; `machine` names that of runs which do not tell theirs.

    Raises:
        UserError: if there is none; one has no evaluation, or no number of environment steps; two are of the same seed,
            or seeds of one policy have other options.
    """
    read = [(found, read_run(found.path)) for found in find_runs(paths)]
    recorded: dict[Key, Recorded] = {}
    first: dict[tuple[Any, ...], tuple[Path, Run]] = {}
    for found, run in read:
        record = _record(found, run, machine)
        if record.key in recorded:
            task, policy, env_steps, seed = record.key
            told = f"{policy} on {task} with seed {seed} and {env_steps:,} environment steps"
            raise UserError(f"{str(found.path)!r} is the second run of {told}: leave one out")
        recorded[record.key] = record
        _check_alike(*first.setdefault(record.key[:-1], (found.path, run)), found.path, run)
    return in_order(recorded.values())


def in_order(runs: Iterable[Recorded]) -> list[Recorded]:
    """The runs by task as the page has them, policy, environment steps and seed."""
    return sorted(runs, key=lambda record: (place_of(record.key.task), record.key))


def merged(runs: Iterable[Recorded], directory: Path) -> list[Recorded]:
    """The `runs`, and those in the CSV files of `directory`, if there are any, that are not among them."""
    known = read_data(directory) if (directory / RUNS).is_file() else []
    return in_order(({run.key: run for run in known} | {run.key: run for run in runs}).values())


def read_data(directory: Path) -> list[Recorded]:
    """The runs in the CSV files of `directory`, as `write_data` wrote them.

    Raises:
        UserError: if there are no such files.
    """
    if not (directory / RUNS).is_file():
        raise UserError(f"{str(directory)!r} holds no {RUNS}: give directories of runs")
    evaluations: dict[Key, list[tuple[int, float]]] = {}
    for *key, taken, value in _lines(directory / EVALUATIONS):
        evaluations.setdefault(_key(*key), []).append((int(taken), float(value)))
    return [
        Recorded(key, int(taken), int(size), float(final), float(best), float(hours), machine, tuple(evaluations[key]))
        for *labels, taken, size, final, best, hours, machine in _lines(directory / RUNS)
        for key in [_key(*labels)]
    ]


def write_data(runs: Iterable[Recorded], directory: Path) -> None:
    """Write the runs to the CSV files of `directory`."""
    lines, evaluations = [], []
    for run in runs:
        values = (f"{run.final:.2f}", f"{run.best:.2f}", f"{run.hours:.4f}")
        lines.append((*run.key, run.taken, run.parameters, *values, run.machine))
        evaluations += [(*run.key, taken, f"{value:.2f}") for taken, value in run.evaluations]
    own = ("taken", "parameters", "final", "best", "hours", "machine")
    (directory / RUNS).write_text(csv_text((*Key._fields, *own), lines), encoding="utf-8")
    heading = (*Key._fields, "taken", "return")
    (directory / EVALUATIONS).write_text(csv_text(heading, evaluations), encoding="utf-8")


def _record(found: Found, run: Run, machine: str) -> Recorded:
    budget, lines = run.options.get("run.env_steps"), read_metrics(found.path / METRICS)
    if budget is None:
        raise UserError(f"run.env_steps of {str(found.path)!r} is none, but the benchmark is by environment steps")
    evaluated = [line for line in lines if line.get(RETURNS.values[0]) is not None]
    if not evaluated:
        raise UserError(f"{str(found.path)!r} has no evaluation yet: continue it with `odes-rl resume {found.path}`")
    policy = found.label or str(run.options[RETURNS.name])
    values = [float(line[RETURNS.values[0]]) for line in evaluated]
    return Recorded(
        Key(str(run.options[RETURNS.place]), policy, int(budget), int(run.options["run.seed"])),
        lines[-1][RETURNS.steps],
        _parameters(found.path),
        values[-1],
        max(values),
        lines[-1]["wall_seconds"] / 3600,
        "; ".join(_machines(read_metrics(found.path / LAUNCHES), machine)),
        tuple((line[RETURNS.steps], value) for line, value in zip(evaluated, values, strict=True)),
    )


def _machines(launches: Sequence[Metrics], otherwise: str) -> list[str]:
    """The machines of a run, each once."""
    told = [f"{x['workers']} of {x['cores']} cores, {x['processor']}" for x in launches if "processor" in x]
    return list(dict.fromkeys(told)) or [otherwise]


def _parameters(run: Path) -> int:
    if (run / CELL).is_file():
        return json.loads((run / CELL).read_text(encoding="utf-8"))["parameters"]
    from odes_rl.policies.counting import parameter_count
    from odes_rl.runs.run_directory import RunDirectory
    from odes_rl.training.experiment import make_experiment

    return parameter_count(make_experiment(RunDirectory.open(run).config).policy)


def _check_alike(first: Path, one: Run, second: Path, other: Run) -> None:
    """Check that two runs, of seeds of one policy, have the same options."""
    there, here = experiment_of(one), experiment_of(other)
    for name in sorted(there.keys() | here.keys()):
        if there.get(name) != here.get(name):
            told = f"{name} is {here.get(name)} in {str(second)!r}, but {there.get(name)} in {str(first)!r}"
            raise UserError(f"{told}, a seed of the same policy: give runs with the same options")


def _lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _key(task: str, policy: str, env_steps: str, seed: str) -> Key:
    return Key(task, policy, int(env_steps), int(seed))
