"""The cost of a comparison: environment steps or epochs, and the time on this machine."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

from odes_rl.compare.cells import Cell
from odes_rl.compare.config import POLICIES
from odes_rl.compare.probing import Overhead, Rate, measure_overhead, probe
from odes_rl.compare.scheduling import jobs_of, processes_of, share_cores
from odes_rl.compare.standing import Standing, rate, standing

Rates = Mapping[tuple[str, str], Rate]
"""Labels of a task, or data, and of a policy, or model → the rate."""


def forecast_lines(
    cells: Sequence[Cell], cores: int, jobs: int | None, tell: Callable[[str], None] = lambda line: None
) -> list[str]:
    """A line for each cell with its remaining work and time, then the sums.

    `tell(line)` is called with what is being measured.

    Raises:
        UserError: if a probe of a task fails.
    """
    standings = {cell: standing(cell) for cell in cells}
    to_run = [cell for cell in cells if not standings[cell].done]
    if not to_run:
        return [*(f"{cell.name}: done" for cell in cells), f"0 of {len(cells)} cells to run"]
    at_once, workers = share_cores(cores, len(processes_of(to_run)), jobs_of(to_run, jobs))
    tell("measuring how long a run takes to start")
    overhead = measure_overhead()
    rates = _rates(to_run, cells, workers, tell)
    return forecast(standings, rates, overhead, at_once, workers)


def forecast(
    standings: Mapping[Cell, Standing], rates: Rates, overhead: Overhead, at_once: int, workers: int
) -> list[str]:
    """As `forecast_lines`, from what was measured; with `at_once` runs at a time, each with `workers` workers."""
    left = {cell: 0 if state.done else max(cell.budget - state.taken, 1) for cell, state in standings.items()}
    compiling = _that_compile(standings)
    seconds = {
        cell: left[cell] / rates[cell.task, cell.learner].per_second
        + overhead.start
        + (overhead.compiling if cell in compiling else 0.0)
        for cell, state in standings.items()
        if not state.done
    }
    report = overhead.report * len({cell.task for cell in standings})
    processes = [
        _together([seconds[cell] for cell in group], group[0], rates, overhead) for group in processes_of(list(seconds))
    ]
    total = max(sum(processes) / at_once, *processes) + report
    words = next(iter(standings)).comparing.measure.steps_label
    return [
        *(_line(cell, left[cell], seconds.get(cell), rates) for cell in standings),
        f"{len(seconds)} of {len(standings)} cells to run, {sum(left.values()):,} {words}; "
        f"about {_duration(total)} with {at_once} at once, {workers} core{'s' if workers > 1 else ''} each",
        f"including, by estimate, {_duration(overhead.start)} to start each run, {_duration(overhead.compiling)} to "
        f"compile in {len(compiling)} of them, and {_duration(report)} for the report",
    ]


def _together(seconds: Sequence[float], first: Cell, rates: Rates, overhead: Overhead) -> float:
    """Seconds of a process whose cells take those alone, the `first` among them.

    They start once. What is recorded of cells that run together is the time of all of them.
    """
    if rates[first.task, first.learner].source.startswith("recorded"):
        return max(seconds)
    return sum(seconds) - overhead.start * (len(seconds) - 1)


def _that_compile(standings: Mapping[Cell, Standing]) -> set[Cell]:
    """The first cell of each task and learner of which nothing has run: seeds share what is compiled."""
    known = {(cell.task, cell.learner) for cell, state in standings.items() if state.taken}
    return {cell for cell in _first_of_each(standings) if (cell.task, cell.learner) not in known}


def _first_of_each(cells: Iterable[Cell]) -> list[Cell]:
    """The first of the cells of each task and learner."""
    first: dict[tuple[str, str], Cell] = {}
    for cell in cells:
        first.setdefault((cell.task, cell.learner), cell)
    return list(first.values())


def _line(cell: Cell, left: int, seconds: float | None, rates: Rates) -> str:
    if seconds is None:
        return f"{cell.name}: done"
    per_second, source = rates[cell.task, cell.learner]
    words = cell.comparing.measure.steps_label
    return f"{cell.name}: {left:,} {words}, {_duration(seconds)} ({per_second:,.4g} a second, {source})"


def _rates(to_run: Sequence[Cell], cells: Sequence[Cell], workers: int, tell: Callable[[str], None]) -> Rates:
    """The rate of each task and learner: recorded of it, else of the task's other policies, else of a probe.

    Policies cost about alike, since physics does; models do not, and each is probed.
    """
    rates: dict[tuple[str, str], Rate] = {}
    unknown: dict[tuple[str, str], list[Cell]] = {}
    for cell in _first_of_each(to_run):
        key = (cell.task, cell.learner)
        if own := rate([c for c in cells if (c.task, c.learner) == key]):
            rates[key] = Rate(own, "recorded")
        elif cell.comparing is POLICIES and (other := rate([c for c in cells if c.task == cell.task])):
            rates[key] = Rate(other, "recorded for other policies on the task")
        else:
            unknown.setdefault((cell.task, "" if cell.comparing is POLICIES else cell.learner), []).append(cell)
    for number, alike in enumerate(unknown.values(), 1):
        tell(f"probing {alike[0].task}, {alike[0].learner} ({number} of {len(unknown)})")
        probed = probe(alike[0], workers)
        rates |= {(cell.task, cell.learner): probed for cell in alike}
    return rates


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
