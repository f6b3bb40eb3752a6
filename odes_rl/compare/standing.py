"""How far a cell is, from what its run directory holds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from odes_rl.compare.cells import Cell
from odes_rl.config.layering import load_config
from odes_rl.config.resumable import FITTING, TRAINING, backend_kind
from odes_rl.config.schema import ExperimentConfig, FitConfig
from odes_rl.errors import UserError
from odes_rl.pretrained.names import check_source
from odes_rl.runs.checkpoints import Checkpoints
from odes_rl.runs.files import CHECKPOINTS, CONFIG, METRICS
from odes_rl.runs.metrics import Metrics, parse_line, read_metrics

_TAIL = 2**16
"""Bytes at the end of the metrics that are looked at for the last generation and the last evaluation."""
_FREE = {"run.directory", *(f"run.{name}" for kind in (TRAINING, FITTING) for name in kind["run"])}
"""Options in which a recorded run may differ from the cell, as those of `rollouts` may."""


class Standing(NamedTuple):
    """Environment steps or epochs taken, what the last evaluation measured, and whether the cell is at its end."""

    taken: int
    evaluation: float | None
    done: bool


def standing(cell: Cell) -> Standing:
    """How far `cell` is. It is done with its last evaluation and its last checkpoint, not before."""
    measure = cell.comparing.measure
    last, evaluation = last_lines(cell.path / METRICS, measure.values[0])
    if last is None:
        return Standing(0, None, done=False)
    done = last[measure.steps] >= cell.budget and measure.values[0] in last
    if done:
        done = (Checkpoints(cell.path / CHECKPOINTS).latest_generation() or 0) >= last[cell.config.run.counter]
    return Standing(last[measure.steps], evaluation, done)


def last_lines(metrics: Path, evaluated: str) -> tuple[Metrics | None, float | None]:
    """The last whole line of the file at `metrics`, and the metric `evaluated` of the last evaluation near it.

    None if absent.

    Raises:
        UserError: if a whole line is no JSON object.
    """
    if not metrics.exists():
        return None, None
    with metrics.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - _TAIL, 0))
        lines = file.read().split(b"\n")[1 if size > _TAIL else 0 : -1]
    parsed = [parse_line(metrics, line, f"line {len(lines) - i} from the end") for i, line in enumerate(lines)]
    values = [line[evaluated] for line in parsed if line.get(evaluated) is not None]
    return (parsed[-1] if parsed else None), (values[-1] if values else None)


def check_recorded(cells: Sequence[Cell]) -> None:
    """Check that the runs which are there already are those of `cells`.

    Raises:
        UserError: if one was started with other options; names the first that differs. Or if one is not there, and
            neither is the run that it is to start from.
    """
    for cell in cells:
        if (cell.path / CONFIG).exists():
            _check_same(cell)
        elif isinstance(cell.config, ExperimentConfig):
            _check_initial(cell.config.run.initial)


def _check_initial(path: str | None) -> None:
    try:
        if path is not None:
            check_source(path)
    except UserError as error:
        raise UserError(f"run.initial: {error}") from None


def rate(cells: Sequence[Cell]) -> float | None:
    """Environment steps or epochs a second of what is recorded of `cells`; None if nothing.

    The first generation or epoch of each does not count: all is compiled in it.
    """
    spent = [_spent(cell) for cell in cells]
    seconds = sum(seconds for _, seconds in spent)
    return sum(steps for steps, _ in spent) / seconds if seconds else None


def recorded_options(config: ExperimentConfig | FitConfig) -> dict[str, Any]:
    """The dotted options of `config` that a run which goes on has to keep, since they change its numbers."""
    sections = config.model_dump(mode="json", exclude={"rollouts"})
    options = {f"{section}.{k}": v for section, values in sections.items() for k, v in values.items()}
    if isinstance(config, ExperimentConfig):
        options["rollouts.inference"] = config.rollouts.inference
        options["rollouts.backend"] = backend_kind(config.rollouts.backend)
    return {name: value for name, value in options.items() if name not in _FREE}


def free_options(config: ExperimentConfig | FitConfig) -> dict[str, Any]:
    """The dotted options that a run which goes on takes from `config`, since they do not change its numbers."""
    sections = config.model_dump(mode="json")
    free = TRAINING if isinstance(config, ExperimentConfig) else FITTING
    return {f"{section}.{name}": sections[section][name] for section, names in free.items() for name in names}


def differing(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """The names of the options that are not the same in both, sorted."""
    return [name for name in sorted(there.keys() | here.keys()) if there.get(name) != here.get(name)]


def _spent(cell: Cell) -> tuple[int, float]:
    """Environment steps or epochs after the first generation or epoch that is recorded, and the seconds they took.

    Of models, whose `wall_seconds` are those of learning alone, with the seconds of their evaluations.
    """
    steps = cell.comparing.measure.steps
    lines = [line for line in read_metrics(cell.path / METRICS) if line[cell.config.run.counter]]
    if not lines:
        return 0, 0.0
    first, last = lines[0], lines[-1]
    evaluating = sum(line.get("evaluation_seconds", 0.0) for line in lines[1:])
    return last[steps] - first[steps], last["wall_seconds"] - first["wall_seconds"] + evaluating


def _check_same(cell: Cell) -> None:
    recorded = load_config(cell.path / CONFIG, kind=cell.comparing.run)
    there, here = recorded_options(recorded), recorded_options(cell.config)
    budget = cell.comparing.budget
    length = getattr(recorded.run, budget)
    if length and length > cell.budget:  # its evaluations lie elsewhere
        there[f"run.{budget}"], here[f"run.{budget}"] = length, cell.budget
    for name in differing(there, here):
        raise UserError(
            f"{str(cell.path)!r} was started with {name} {there.get(name)}, but now it is {here.get(name)}: "
            "restore that, or give another --directory"
        )
