"""The runs that paths stand for: a run's directory for itself, a comparison's for all of its runs. Free of JAX."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from odes_rl.errors import UserError, suggestion
from odes_rl.runs.files import CONFIG, METRICS, require_run, runs_below
from odes_rl.runs.metrics import read_metrics


class Found(NamedTuple):
    """A run's directory, and the label of its policy or model where it is a part of a comparison."""

    path: Path
    label: str | None = None


def find_runs(paths: Sequence[str | Path]) -> list[Found]:
    """The runs at `paths`; of a comparison those that have begun.

    Raises:
        UserError: if there is none at one of the paths.
    """
    return [found for path in paths for found in _at(Path(path))]


def check_metric(runs: Sequence[Found], metric: str) -> None:
    """Check that some of `runs` have a column `metric` of numbers.

    Raises:
        UserError: if none has; names the nearest, and all there are.
    """
    lines = [line for run in runs for line in read_metrics(run.path / METRICS)]
    known = {name for line in lines for name, value in line.items() if not isinstance(value, str)}
    if lines and metric not in known:
        raise UserError(f"no run has a metric {metric!r}: {suggestion(metric, known, limit=len(known))}")


def _at(path: Path) -> list[Found]:
    if (path / CONFIG).is_file():
        return [Found(path)]
    runs = runs_below(path)
    if not runs:
        return [Found(require_run(path))]
    begun = [Found(run, run.parent.name) for run in runs if (run / METRICS).is_file()]
    if not begun:
        raise UserError(f"{str(path)!r} holds a comparison without a started run: run `odes-rl compare` first")
    return begun
