"""What a comparison will cost: environment steps, and the time that they take on this machine."""

import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from odes_rl.compare.cells import Cell
from odes_rl.compare.processes import failure, start_cell, stop
from odes_rl.compare.scheduling import share_cores
from odes_rl.compare.standing import Standing, rate, standing
from odes_rl.errors import UserError
from odes_rl.records.files import METRICS
from odes_rl.records.metrics import read_metrics

_PROBE_EPISODES = 20
"""Episodes of a probe, or two generations if that is more: in the first one everything is compiled."""


class Rate(NamedTuple):
    """Environment steps a second of a cell, and where that is known from."""

    steps_per_second: float
    source: str


def forecast_lines(cells: Sequence[Cell], cores: int, jobs: int | None) -> list[str]:
    """Every cell with its environment steps and its time, then the sum over all that are left.

    Raises:
        UserError: if a probe of a task fails.
    """
    standings = {cell: standing(cell) for cell in cells}
    left = {cell: _left(cell, state) for cell, state in standings.items()}
    at_once, workers = share_cores(cores, sum(map(bool, left.values())), jobs)
    rates = _rates([cell for cell in cells if left[cell]], cells, workers)
    seconds = {c: left[c] / rates[c.task, c.policy].steps_per_second if left[c] else 0.0 for c in cells}
    lines = [_line(cell, standings[cell], left[cell], seconds[cell], rates) for cell in cells]
    total = max(sum(seconds.values()) / at_once, max(seconds.values()))
    return [
        *lines,
        f"{sum(map(bool, left.values()))} of {len(cells)} cells to run, {sum(left.values()):,} environment steps; "
        f"about {_duration(total)} with {at_once} at once, {workers} core{'s' if workers > 1 else ''} each",
    ]


def _left(cell: Cell, state: Standing) -> int:
    assert cell.config.run.env_steps is not None, cell
    return 0 if state.done else max(cell.config.run.env_steps - state.env_steps, 1)


def _line(cell: Cell, state: Standing, left: int, seconds: float, rates: Mapping[tuple[str, str], Rate]) -> str:
    if state.done:
        return f"{cell.name}: done"
    steps_per_second, source = rates[cell.task, cell.policy]
    return f"{cell.name}: {left:,} environment steps, {_duration(seconds)} ({steps_per_second:,.0f} a second, {source})"


def _rates(to_run: Sequence[Cell], cells: Sequence[Cell], workers: int) -> dict[tuple[str, str], Rate]:
    """The rate of each task and policy: recorded of it, else of the task's other policies, else of a probe."""
    probed: dict[str, Rate] = {}
    rates: dict[tuple[str, str], Rate] = {}
    for cell in to_run:
        key = (cell.task, cell.policy)
        if key in rates:
            continue
        if own := rate([c for c in cells if (c.task, c.policy) == key]):
            rates[key] = Rate(own, "recorded")
        elif other := rate([c for c in cells if c.task == cell.task]):
            rates[key] = Rate(other, "recorded of the task's other policies")
        else:
            probed[cell.task] = rates[key] = probed.get(cell.task) or probe(cell, workers)
    return rates


def probe(cell: Cell, workers: int) -> Rate:
    """The rate of a short run like `cell`'s, which leaves nothing behind.

    Raises:
        UserError: if it fails.
    """
    run, episodes = cell.config.run, cell.config.episodes
    with tempfile.TemporaryDirectory() as directory:
        short = run.model_copy(update={"generations": max(2, _PROBE_EPISODES // episodes), "evaluation_episodes": 1})
        short = short.model_copy(update={"evaluate_every": 10**6, "directory": f"{directory}/run"})
        config = cell.config.model_copy(update={"run": short})
        running = start_cell(
            cell._replace(path=Path(directory, "run"), config=config), workers, Path(directory, "compiled")
        )
        try:
            running.process.wait()
            if reason := failure(running):
                raise UserError(f"a probe of {cell.task} failed: {reason.partition(', see')[0]}")
        finally:
            stop([running])
        lines = read_metrics(Path(directory, "run", METRICS))
    first, last = lines[1], lines[-1]
    plain = (last["env_steps"] - first["env_steps"]) / (last["wall_seconds"] - first["wall_seconds"])
    evaluations = run.evaluation_episodes / (run.evaluate_every * episodes)  # they take time, and count no steps
    return Rate(plain / (1 + evaluations), f"from a probe of {cell.policy}")


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
