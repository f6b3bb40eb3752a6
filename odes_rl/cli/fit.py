"""The command `fit`, and `resume` for supervised runs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import tyro
from pydantic import BaseModel

from odes_rl.config import resumable
from odes_rl.errors import UserError
from odes_rl.interrupts import interruptible
from odes_rl.validation import STRICT

if TYPE_CHECKING:
    from odes_rl.config.schema import FitConfig
    from odes_rl.runs.run_directory import RunDirectory
    from odes_rl.training.fitting import Fitting


class Fit(BaseModel):
    """Fit a supervised model from a YAML file, in a new run directory. Options override the file.

    Without a file, `--data.source` sets the data; all other options have their defaults.
    """

    model_config = STRICT

    config: tyro.conf.Positional[str | None] = None
    """YAML file with the sections data, model, optimizer and run, of which all are optional; or the name of a packaged
    one, as `odes-rl list configs` shows them."""


def fit(command: Fit, overrides: Mapping[str, str]) -> int:
    """Start a supervised run.

    Raises:
        UserError: any mistake in the config, data that cannot be read, or a directory that holds a run.
    """
    from odes_rl.config.layering import FITTING, make_config
    from odes_rl.runs.run_directory import RunDirectory
    from odes_rl.training.fitting import make_fitting

    config = make_config(command.config, overrides, FITTING)
    fitting = interruptible(make_fitting, config)  # before anything is written
    with RunDirectory.create(config.run.directory, config) as run:
        return continue_fit(run, fitting)


def resume_fit(path: str, overrides: Mapping[str, str]) -> int:
    """Continue the supervised run at `path`. The results are those of an uninterrupted run.

    Raises:
        UserError: an option that may not change, or fewer epochs than are done.
    """
    from odes_rl.config.layering import FITTING
    from odes_rl.runs.run_directory import RunDirectory

    resumable.check_resumable(overrides, resumable.FITTING)
    with RunDirectory.open(path, overrides, FITTING) as run:
        asked, done = run.config.run.epochs, run.checkpoints.latest_generation() or 0
        if asked < done:
            raise UserError(f"run.epochs is {asked}, but {path} has {done} already: give {done} or more")
        return continue_fit(run)


def continue_fit(run: "RunDirectory[FitConfig]", fitting: "Fitting | None" = None) -> int:
    """Fit to the run's end, showing progress, and print the outcome; `fitting` is the run's, if it is made already.

    Raises:
        UserError: if another process fits it.
        StorageError: if the run cannot be written.
        KeyboardInterrupt: if interrupted, once a checkpoint is saved.
    """
    from odes_rl.cli.continuing import continuing
    from odes_rl.cli.progress import fitting_course
    from odes_rl.reports.fitted import fitted_lines
    from odes_rl.training.fit import fit as run_fitting

    with continuing(run.path, fitting_course(run.config.run.epochs)) as report:
        run_fitting(run, report, report, fitting)
    for line in (f"run: {run.path}", *fitted_lines(run.path)):
        print(line)
    return 0
