"""What a comparison will cost: environment steps or epochs, and the time that they take on this machine."""

import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from odes_rl.compare.cells import Cell
from odes_rl.compare.config import POLICIES
from odes_rl.compare.processes import failure, start_cell, stop
from odes_rl.compare.scheduling import share_cores
from odes_rl.compare.standing import Standing, rate, standing
from odes_rl.errors import UserError
from odes_rl.records.config import ExperimentConfig
from odes_rl.records.files import METRICS
from odes_rl.records.metrics import read_metrics

_PROBE_EPISODES = 20
"""Episodes of a probe, or two generations if that is more: in the first one everything is compiled."""


class Rate(NamedTuple):
    """Environment steps or epochs a second of a cell, and where that is known from."""

    per_second: float
    source: str


def forecast_lines(cells: Sequence[Cell], cores: int, jobs: int | None) -> list[str]:
    """Every cell with what it has to do and its time, then the sum over all that are left.

    Raises:
        UserError: if a probe of a task fails.
    """
    standings = {cell: standing(cell) for cell in cells}
    left = {cell: _left(cell, state) for cell, state in standings.items()}
    at_once, workers = share_cores(cores, sum(map(bool, left.values())), jobs)
    rates = _rates([cell for cell in cells if left[cell]], cells, workers)
    seconds = {c: left[c] / rates[c.task, c.learner].per_second if left[c] else 0.0 for c in cells}
    lines = [_line(cell, standings[cell], left[cell], seconds[cell], rates) for cell in cells]
    total = max(sum(seconds.values()) / at_once, max(seconds.values()))
    words = cells[0].comparing.measure.steps_label
    return [
        *lines,
        f"{sum(map(bool, left.values()))} of {len(cells)} cells to run, {sum(left.values()):,} {words}; "
        f"about {_duration(total)} with {at_once} at once, {workers} core{'s' if workers > 1 else ''} each",
    ]


def _left(cell: Cell, state: Standing) -> int:
    return 0 if state.done else max(cell.budget - state.taken, 1)


def _line(cell: Cell, state: Standing, left: int, seconds: float, rates: Mapping[tuple[str, str], Rate]) -> str:
    if state.done:
        return f"{cell.name}: done"
    per_second, source = rates[cell.task, cell.learner]
    words = cell.comparing.measure.steps_label
    return f"{cell.name}: {left:,} {words}, {_duration(seconds)} ({per_second:,.4g} a second, {source})"


def _rates(to_run: Sequence[Cell], cells: Sequence[Cell], workers: int) -> dict[tuple[str, str], Rate]:
    """The rate of each task and learner: recorded of it, else of the task's other policies, else of a probe.

    Policies cost about alike, since physics does; models do not, and each is probed.
    """
    probed: dict[tuple[str, str], Rate] = {}
    rates: dict[tuple[str, str], Rate] = {}
    for cell in to_run:
        key = (cell.task, cell.learner)
        if key in rates:
            continue
        if own := rate([c for c in cells if (c.task, c.learner) == key]):
            rates[key] = Rate(own, "recorded")
        elif cell.comparing is POLICIES and (other := rate([c for c in cells if c.task == cell.task])):
            rates[key] = Rate(other, "recorded of the task's other policies")
        else:
            alike = (cell.task, "" if cell.comparing is POLICIES else cell.learner)
            probed[alike] = rates[key] = probed.get(alike) or probe(cell, workers)
    return rates


def probe(cell: Cell, workers: int) -> Rate:
    """The rate of a short run like `cell`'s, which leaves nothing behind.

    Raises:
        UserError: if it fails.
    """
    with tempfile.TemporaryDirectory() as directory:
        run = cell.config.run.model_copy(update=_short(cell) | {"directory": f"{directory}/run"})
        config: Any = cell.config.model_copy(update={"run": run})
        short = cell._replace(path=Path(directory, "run"), config=config)
        running = start_cell(short, workers, Path(directory, "compiled"))
        try:
            running.process.wait()
            if reason := failure(running):
                raise UserError(f"a probe of {cell.task} failed: {reason.partition(', see')[0]}")
        finally:
            stop([running])
        lines = read_metrics(Path(directory, "run", METRICS))
    first, last, steps = lines[-2 if cell.comparing is not POLICIES else 1], lines[-1], cell.comparing.measure.steps
    plain = (last[steps] - first[steps]) / (last["wall_seconds"] - first["wall_seconds"])
    return Rate(plain / (1 + _evaluations(cell)), f"from a probe of {cell.learner}")


def _short(cell: Cell) -> dict[str, Any]:
    """The options of `run` that make it a probe: what comes first compiles everything."""
    if isinstance(cell.config, ExperimentConfig):
        generations = max(2, _PROBE_EPISODES // cell.config.episodes)
        return {"generations": generations, "evaluation_episodes": 1, "evaluate_every": 10**6}
    return {"epochs": 2, "evaluate_every": 10**6}


def _evaluations(cell: Cell) -> float:
    """Episodes of evaluations for each of training: they take time, and count no steps."""
    if not isinstance(cell.config, ExperimentConfig):
        return 0.0
    run = cell.config.run
    return run.evaluation_episodes / (run.evaluate_every * cell.config.episodes)


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
