"""How a comparison shows itself: one live table on a terminal, now and then a line elsewhere."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from odes_rl.compare.cells import Cell
from odes_rl.compare.scheduling import Watch
from odes_rl.compare.standing import Standing

_LINES_AROUND = 6
"""Of a terminal's height, what the table's heading and the summary need."""


@contextmanager
def show_cells(
    cells: Sequence[Cell], console: Console | None = None, seconds_between_lines: float = 60.0
) -> Iterator[Watch]:
    """The function that `run_cells` calls with the progress of `cells`."""
    console = console or Console()
    if not console.is_terminal:
        yield _line_watch(cells, console, seconds_between_lines)
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        clock = _Clock(cells)

        def watch(standings: Mapping[Cell, Standing], running: Sequence[Cell], failures: Mapping[Cell, str]) -> None:
            table = cell_table(cells, standings, running, failures, console.size.height - _LINES_AROUND)
            live.update(Group(table, Text(summary(standings, running, failures, clock))), refresh=True)

        yield watch


def cell_table(
    cells: Sequence[Cell],
    standings: Mapping[Cell, Standing],
    running: Sequence[Cell],
    failures: Mapping[Cell, str],
    rows: int,
) -> Table:
    """A row a task and learner, a column a seed; if there are more than `rows`, of those where something runs."""
    groups: dict[tuple[str, str], dict[int, Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.task, cell.learner), {})[cell.seed] = cell
    if len(groups) > rows:
        active = {(cell.task, cell.learner) for cell in running}
        groups = {key: group for key, group in groups.items() if key in active}
    table = Table(box=None, pad_edge=False)
    measure = cells[0].comparing.measure
    for heading in (measure.task, measure.learner):
        table.add_column(heading, no_wrap=True)
    seeds = list(dict.fromkeys(cell.seed for cell in cells))
    for seed in seeds:
        table.add_column(f"seed {seed}", justify="right", no_wrap=True)
    for labels, group in groups.items():
        own = [group.get(seed) for seed in seeds]
        table.add_row(*labels, *(cell_text(c, standings[c], running, failures) if c else "" for c in own))
    return table


def cell_text(cell: Cell, state: Standing, running: Sequence[Cell], failures: Mapping[Cell, str]) -> str:
    """How far a cell is, in a word, and its last evaluation."""
    evaluation = "" if state.evaluation is None else f" {cell.comparing.measure.values_form(state.evaluation)}"
    share = f"{100 * min(state.taken / cell.budget, 1):.0f} %"
    if cell in failures:
        return "failed"
    if state.done:
        return f"done{evaluation}"
    if cell in running:
        return f"{share}{evaluation}"
    return f"({share})" if state.taken else "·"


class _Clock:
    """Reckons the time left from the speed of cells, each after its first progress: before, it starts and compiles."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = cells
        self._before: dict[Cell, int] = {}
        self._first: dict[Cell, tuple[float, int]] = {}
        self._last: dict[Cell, tuple[float, int]] = {}

    def left(
        self, standings: Mapping[Cell, Standing], running: Sequence[Cell], failures: Mapping[Cell, str]
    ) -> timedelta | None:
        """Time left at the speed so far; None before anything is known of it."""
        for cell, state in standings.items():
            self._note(cell, state.taken)
        seconds = sum(self._last[cell][0] - first for cell, (first, _) in self._first.items())
        taken = sum(self._last[cell][1] - first for cell, (_, first) in self._first.items())
        if not taken or not seconds or not running:
            return None
        open_cells = [cell for cell in self.cells if cell not in failures]
        to_do = sum(max(cell.budget - standings[cell].taken, 0) for cell in open_cells)
        return timedelta(seconds=round(seconds / taken * to_do / len(running)))

    def _note(self, cell: Cell, taken: int) -> None:
        """Note that `cell` has come so far, if that is news."""
        if taken > self._last.get(cell, (0.0, self._before.setdefault(cell, taken)))[1]:
            self._last[cell] = time.monotonic(), taken
            self._first.setdefault(cell, self._last[cell])


def summary(
    standings: Mapping[Cell, Standing], running: Sequence[Cell], failures: Mapping[Cell, str], clock: _Clock
) -> str:
    """How many cells are done, run and failed, and the time left."""
    done = sum(state.done for cell, state in standings.items() if cell not in running)
    parts = [f"{done} of {len(standings)} cells done", f"{len(running)} running"]
    parts += [f"{len(failures)} failed"] if failures else []
    left = clock.left(standings, running, failures)
    return ", ".join([*parts, *([f"{left} left"] if left else [])])


def _line_watch(cells: Sequence[Cell], console: Console, seconds_between: float) -> Watch:
    clock = _Clock(cells)
    told: set[Cell] = set()
    started: set[Cell] = set()
    last_shown = time.monotonic()

    def say(line: str) -> None:
        console.print(line, highlight=False, soft_wrap=True)

    def watch(standings: Mapping[Cell, Standing], running: Sequence[Cell], failures: Mapping[Cell, str]) -> None:
        nonlocal last_shown
        for cell in [cell for cell in running if cell not in started]:
            started.add(cell)
            say(f"{cell.name}: {'resumes' if standings[cell].taken else 'starts'}")
        ended = [cell for cell in started if cell not in running and cell not in told]
        for cell in ended:
            told.add(cell)
            say(f"{cell.name}: {failures.get(cell) or cell_text(cell, standings[cell], running, failures)}")
        if ended or time.monotonic() - last_shown >= seconds_between:
            last_shown = time.monotonic()
            say(summary(standings, running, failures, clock))

    return watch
