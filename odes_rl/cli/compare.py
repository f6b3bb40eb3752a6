"""The command `compare`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from odes_rl.errors import UserError
from odes_rl.extras import require
from odes_rl.interrupts import advising, interruptible
from odes_rl.runs.files import CONFIG
from odes_rl.validation import STRICT

if TYPE_CHECKING:
    from odes_rl.compare.cells import Cell
    from odes_rl.compare.config import Comparable


class Compare(BaseModel):
    """Compare policies over tasks and seeds, or supervised models over data sets and seeds, and write a report.

    Finished runs are skipped.

    Dotted options, as in `--strategy.sigma 0.05`, apply to all runs.
    """

    model_config = STRICT

    config: str
    """YAML file with env_steps, seeds, base, tasks and policies, or epochs, seeds, base, data and models; or the name
    of a packaged one, as `odes-rl list configs` shows them."""
    directory: str | None = None
    """Directory of the runs and the report; overrides the file."""
    env_steps: int | None = Field(default=None, ge=1)
    """Environment steps of training in each run, for policies; overrides the file, and all of its entries."""
    epochs: int | None = Field(default=None, ge=1)
    """Epochs in each run, for supervised models; overrides the file, and all of its entries."""
    seeds: int | None = Field(default=None, ge=1)
    """Number of seeds, counted from 0; overrides the file, and all of its entries."""
    only: tuple[str, ...] = ()
    """Labels of tasks and policies, or of data sets and models, whose runs are started; the others wait. The report has
    the results of all, so far."""
    jobs: int | None = Field(default=None, ge=1)
    """Number of runs at the same time; none means one for each core. With `rollouts.backend: mjx` the number of
    policies and tasks at the same time, each with all its seeds in one program; none means one."""
    dry_run: bool = False
    """Only print the runs, their remaining work and the expected time."""
    report_only: bool = False
    """Only write the report, from the results so far."""


def compare(command: Compare, overrides: Mapping[str, str]) -> int:
    """Run the unfinished cells, then write the report; 1 if a run failed.

    Raises:
        UserError: any mistake in the config, or the directory holds something else, or runs of another comparison.
        StorageError: if the report cannot be written.
        KeyboardInterrupt: if interrupted, once all runs have saved a checkpoint.
    """
    if not command.dry_run:
        require("odes-rl compare", "matplotlib")  # for the report, hours later
    from odes_rl.compare.cells import chosen_cells, make_cells, thresholds
    from odes_rl.compare.config import load_comparison
    from odes_rl.compare.forecast import forecast_lines
    from odes_rl.compare.standing import check_recorded
    from odes_rl.rollouts.choosing import available_cores

    config = load_comparison(command.config, _changes(command))
    cells = make_cells(config, overrides)
    chosen = chosen_cells(config, cells, command.only)
    thresholds(config, cells)  # a mistake there is told before the runs, not after
    _check_place(Path(config.directory))
    check_recorded(cells)
    if command.dry_run:
        for line in forecast_lines(chosen, available_cores(), command.jobs, _tell):
            print(line)
        return 0
    with advising("resume with the same command"):
        failures = {} if command.report_only else _run(command, config, chosen)
        try:
            interruptible(_report, config, cells, failures)
        finally:  # also where there is nothing to report
            for cell, reason in failures.items():
                print(f"failed: {cell.name}: {reason}")
    return 1 if failures else 0


def _check_place(directory: Path) -> None:
    """Check that the report will not lie among the files of a run or a study, some of which have its files' names."""
    if (directory / CONFIG).exists():
        raise UserError(f"{str(directory)!r} holds a run or a study: give another --directory")


def _tell(line: str) -> None:
    """Tell how far something is, beside what a command is asked for."""
    print(line, file=sys.stderr, flush=True)


def _changes(command: Compare) -> dict[str, Any]:
    return command.model_dump(include={"directory", "env_steps", "epochs", "seeds"}, exclude_none=True)


def _run(command: Compare, config: "Comparable", cells: "Sequence[Cell]") -> "dict[Cell, str]":
    """The cells that failed, with their reasons."""
    from odes_rl.compare.display import show_cells
    from odes_rl.compare.scheduling import run_cells
    from odes_rl.rollouts.choosing import available_cores
    from odes_rl.runs.files import writing_to
    from odes_rl.runs.lock import only_trainer

    directory = Path(config.directory)
    with writing_to(directory):
        directory.mkdir(parents=True, exist_ok=True)
    with only_trainer(directory), show_cells(cells) as watch:
        return run_cells(cells, available_cores(), command.jobs, watch)


def _report(config: "Comparable", cells: "Sequence[Cell]", failures: "Mapping[Cell, str]") -> None:
    from odes_rl.compare.cells import thresholds
    from odes_rl.compare.sizes import write_missing_sizes
    from odes_rl.reports.comparison import Comparison, Place
    from odes_rl.reports.comparison_report import write_report

    write_missing_sizes(cells)
    places = {cell: Place(cell.task, cell.learner, cell.seed, cell.path) for cell in cells}
    comparison = Comparison(
        budgets={label: config.budget_of(label) for label in config.places},
        thresholds=thresholds(config, cells),
        learners=tuple(config.learners),
        baseline=config.baseline_label,
        places=tuple(places.values()),
        failures={places[cell]: reason for cell, reason in failures.items()},
        measure=config.comparing.measure,
    )
    for path in write_report(comparison, Path(config.directory)):
        print(path)
