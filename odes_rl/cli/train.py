"""The commands that train: `train` starts a run, `resume` continues one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import tyro
from pydantic import BaseModel

from odes_rl.cli.fit import resume_fit
from odes_rl.config.resumable import TRAINING, backend_kind, check_resumable
from odes_rl.errors import UserError
from odes_rl.interrupts import interruptible
from odes_rl.validation import STRICT

if TYPE_CHECKING:
    from odes_rl.runs.run_directory import RunDirectory


class Train(BaseModel):
    """Train a policy from a YAML file, in a new run directory. Options override the file.

    Without a file, `--task.id` sets the task; all other options have their defaults.
    """

    model_config = STRICT

    config: tyro.conf.Positional[str | None] = None
    """YAML file with the sections task, policy, strategy, rollouts and run, of which all are optional; or the name of a
    packaged one, as `odes-rl list configs` shows them."""


class Resume(BaseModel):
    """Continue a run from its latest checkpoint. The results are those of an uninterrupted run.

    `odes-rl resume RUN --help` shows the options of a run of `fit`.
    """

    model_config = STRICT

    run: str
    """Run directory."""


LISTS = {"model.kernels", "run.loggers", "task.wrappers"}
"""Options that hold several values."""


def train(command: Train, overrides: Mapping[str, str]) -> int:
    """Start a run. Everything it needs is built once before a file is written.

    Raises:
        UserError: any mistake in the config, or a directory that holds a run.
    """
    from odes_rl.config.layering import make_config
    from odes_rl.runs.run_directory import RunDirectory
    from odes_rl.training.initial import check_startable

    config = make_config(command.config, overrides)
    interruptible(check_startable, config)
    with RunDirectory.create(config.run.directory, config) as run:
        return continue_run(run)


def resume(command: Resume, overrides: Mapping[str, str]) -> int:
    """Go on with a run under the overrides that leave its numbers as they are.

    Raises:
        UserError: no run, an option that may not change, fewer generations or environment steps than are done.
    """
    from odes_rl.config.layering import FITTING
    from odes_rl.runs.run_directory import RunDirectory, recorded_kind

    if recorded_kind(command.run) is FITTING:
        return resume_fit(command.run, overrides)
    check_resumable(overrides, TRAINING)
    with RunDirectory.open(command.run, overrides) as run:
        _check_reproducible(run)
        _check_end(run)
        return continue_run(run)


def _check_end(run: "RunDirectory") -> None:
    """Refuse an end before the latest checkpoint; a run that overshot its steps by a part of a generation is there."""
    options, done = run.config.run, run.checkpoints.latest_generation() or 0
    if options.generations is not None and options.generations < done:
        raise UserError(
            f"run.generations is {options.generations}, but {run.path} has {done} already: give {done} or more"
        )
    steps = [line["env_steps"] for line in run.metrics() if line["generation"] < done]
    if options.env_steps is not None and steps and steps[-1] >= options.env_steps:
        raise UserError(
            f"run.env_steps is {options.env_steps}, but {run.path} has reached more already: give more than {steps[-1]}"
        )


def _check_reproducible(run: "RunDirectory") -> None:
    from odes_rl.config.layering import load_config
    from odes_rl.runs.files import CONFIG

    there, here = load_config(run.path / CONFIG).rollouts.backend, run.config.rollouts.backend
    if backend_kind(there) != backend_kind(here):
        raise UserError(
            f"resume cannot change rollouts.backend from {there} to {here}, whose results differ: leave it, or start "
            "a new run"
        )


def continue_run(run: "RunDirectory") -> int:
    """Train a run to its end, showing progress, and print the outcome.

    Raises:
        UserError: if another process trains it.
        StorageError: if the run cannot be written.
        KeyboardInterrupt: if interrupted, once a checkpoint is saved.
    """
    from odes_rl.cli.continuing import continuing
    from odes_rl.cli.progress import training_course
    from odes_rl.reports.outcome import outcome_lines
    from odes_rl.rollouts.choosing import choose_backend
    from odes_rl.training.train import train as run_training

    print(f"rollouts: {choose_backend(run.config.rollouts, run.config.episodes)}", flush=True)
    with continuing(run.path, training_course(run.config.run.generations, run.config.run.env_steps)) as report:
        run_training(run, report)
    for line in (f"run: {run.path}", *outcome_lines(run.path)):
        print(line)
    return 0
