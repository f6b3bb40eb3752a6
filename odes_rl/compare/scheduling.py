"""Running the cells of a comparison: as many at once as there are cores, each with its share of them."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from odes_rl.compare.cells import Cell
from odes_rl.compare.processes import Running, failure, start_cell, stop
from odes_rl.compare.standing import Standing, standing
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


def run_cells(cells: Sequence[Cell], cores: int, jobs: int | None, watch: Watch) -> dict[Cell, str]:
    """Run all `cells` that are not done; those that failed, each with its reason.

    Whatever interrupts this, every process is stopped, with a checkpoint, before it leaves.
    """
    standings = {cell: standing(cell) for cell in cells}
    waiting = deque(cell for cell in cells if not standings[cell].done)
    at_once, workers = share_cores(cores, len(waiting), jobs)
    running: list[Running] = []
    failures: dict[Cell, str] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                _start(waiting.popleft(), workers, running, failures)
            standings |= {entry.cell: standing(entry.cell) for entry in running}
            _reap(running, standings, failures)
            watch(standings, [entry.cell for entry in running], failures)
            time.sleep(_PAUSE)
            check_interrupted()
    finally:
        stop([each.process for each in running])
    return failures


def _reap(running: list[Running], standings: dict[Cell, Standing], failures: dict[Cell, str]) -> None:
    """Take the cells whose processes have ended out of `running`."""
    for entry in [entry for entry in running if entry.process.poll() is not None]:
        running.remove(entry)
        standings[entry.cell] = standing(entry.cell)
        reason = failure(entry)
        if reason is not None:
            failures[entry.cell] = reason


def _start(cell: Cell, workers: int, running: list[Running], failures: dict[Cell, str]) -> None:
    try:
        running.append(start_cell(cell, workers))
    except UserError as error:
        failures[cell] = one_line(error)
