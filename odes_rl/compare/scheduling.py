"""Running the cells of a comparison: as many at once as there are cores, each with its share of them."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from odes_rl.compare.cells import Cell
from odes_rl.compare.processes import Running, failure, start_cells, stop
from odes_rl.compare.standing import Standing, standing
from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import UserError, one_line
from odes_rl.interrupts import check_interrupted

_PAUSE = 0.25
"""Seconds between two looks at the processes."""

Watch = Callable[[Mapping[Cell, Standing], Sequence[Cell], Mapping[Cell, str]], None]
"""`watch(standings, running, failures)`, called again and again while cells run."""


def share_cores(cores: int, cells: int, jobs: int | None) -> tuple[int, int]:
    """How many of the `cells` to run at once, and the workers of each; `jobs` bounds the first.

    Native stepping keeps a core busy in one process, and runs of one process wait for nobody: so a core is a cell's,
    and cells get more only where there are fewer of them than cores.
    """
    at_once = max(min(jobs or cores, cells), 1)
    return at_once, max(cores // at_once, 1)


def jobs_of(cells: Sequence[Cell], jobs: int | None) -> int | None:
    """Processes at once that `jobs` allows for `cells`; by default one where any is on a device, which it has alone."""
    return 1 if jobs is None and any(map(runs_on_device, cells)) else jobs


def runs_on_device(cell: Cell) -> bool:
    """Whether the episodes of `cell` run on a device."""
    return isinstance(cell.config, ExperimentConfig) and cell.config.rollouts.backend == "mjx"


def processes_of(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Which cells share a process: on a device all seeds of a task and a policy, elsewhere none."""
    shared: dict[object, list[Cell]] = {}
    for cell in cells:
        shared.setdefault((cell.task, cell.learner) if runs_on_device(cell) else cell, []).append(cell)
    return list(shared.values())


def run_cells(cells: Sequence[Cell], cores: int, jobs: int | None, watch: Watch) -> dict[Cell, str]:
    """Run all `cells` that are not done; those that failed, each with its reason.

    Whatever interrupts this, every process is stopped, with a checkpoint, before it leaves.
    """
    standings = {cell: standing(cell) for cell in cells}
    to_run = [cell for cell in cells if not standings[cell].done]
    waiting = deque(processes_of(to_run))
    at_once, workers = share_cores(cores, len(waiting), jobs_of(to_run, jobs))
    running: list[Running] = []
    failures: dict[Cell, str] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                _start(waiting.popleft(), workers, running, failures)
            active = [cell for entry in running for cell in entry.cells]
            standings |= {cell: standing(cell) for cell in active}
            _reap(running, standings, failures)
            watch(standings, [cell for entry in running for cell in entry.cells], failures)
            time.sleep(_PAUSE)
            check_interrupted()
    finally:
        stop([each.process for each in running])
    return failures


def _reap(running: list[Running], standings: dict[Cell, Standing], failures: dict[Cell, str]) -> None:
    """Take the cells whose processes have ended out of `running`."""
    for entry in [entry for entry in running if entry.process.poll() is not None]:
        running.remove(entry)
        reason = failure(entry)
        for cell in entry.cells:
            standings[cell] = standing(cell)
            if not standings[cell].done:
                failures[cell] = reason or f"it is at its end, but measured no {cell.comparing.measure.values_label}"


def _start(cells: Sequence[Cell], workers: int, running: list[Running], failures: dict[Cell, str]) -> None:
    try:
        running.append(start_cells(cells, workers))
    except UserError as error:
        failures.update(dict.fromkeys(cells, one_line(error)))
