"""The commands that train: `train` begins a run, `resume` goes on with one."""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import BaseModel

from odes_rl.errors import UserError, suggestion
from odes_rl.validation import STRICT

if TYPE_CHECKING:
    from odes_rl.records.run_directory import RunDirectory


class Train(BaseModel):
    """Train a policy as a YAML file says, in a new run directory. Options override the file's."""

    model_config = STRICT

    config: str
    """YAML file with the sections task, policy, strategy, rollouts and run, or parts of them."""


class Resume(BaseModel):
    """Go on with a run from its latest checkpoint, to the same result as without a pause."""

    model_config = STRICT

    run: str
    """Run directory."""


RESUMABLE = {
    "run": ("generations", "checkpoint_every", "keep_checkpoints"),
    "rollouts": ("backend", "workers", "lanes"),
}
"""What a resumed run may change: how far it goes and how it is computed and kept, never its numbers."""


def train(command: Train, overrides: Mapping[str, str]) -> int:
    """Start a run; what it needs is put together once before anything is written.

    Raises:
        UserError: any mistake in the config, or a directory that holds a run.
    """
    from odes_rl.experiment import make_experiment
    from odes_rl.records.layers import load_config
    from odes_rl.records.run_directory import RunDirectory

    config = load_config(command.config, overrides)
    make_experiment(config)
    with RunDirectory.create(config.run.directory, config) as run:
        return continue_run(run)


def resume(command: Resume, overrides: Mapping[str, str]) -> int:
    """Go on with a run under the overrides that leave its numbers as they are.

    Raises:
        UserError: no run, an option that may not change, fewer generations than are done.
    """
    from odes_rl.records.run_directory import RunDirectory

    _check_resumable(overrides)
    with RunDirectory.open(command.run, overrides) as run:
        done = run.checkpoints.latest_generation() or 0
        if run.config.run.generations < done:
            raise UserError(
                f"run.generations is {run.config.run.generations}, but {command.run} has {done} already: "
                f"give {done} or more"
            )
        return continue_run(run)


def _check_resumable(overrides: Mapping[str, str]) -> None:
    allowed = [f"{section}.{option}" for section, options in RESUMABLE.items() for option in options]
    for name in overrides:
        if name not in allowed:
            raise UserError(
                f"resume cannot change {name}, for a resumed run gives the numbers of an uninterrupted one: "
                f"{suggestion(name, allowed)}"
            )


def continue_run(run: "RunDirectory") -> int:
    """Train a run to its end, showing progress, and print the outcome; 130 if interrupted, by Ctrl-C or SIGTERM.

    Raises:
        UserError: if another process trains it.
    """
    from odes_rl.progress import show_progress
    from odes_rl.records.lock import only_trainer
    from odes_rl.reports.outcome import outcome_lines
    from odes_rl.train import train as run_training

    try:
        with (
            only_trainer(run.path),
            show_progress(run.config.run.generations) as report,
            _terminated_as_interrupted(),
        ):
            run_training(run, report)
    except KeyboardInterrupt:
        print(f"interrupted; go on with: odes-rl resume {run.path}")
        return 130
    for line in (f"run: {run.path}", *outcome_lines(run.path)):
        print(line)
    return 0


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, by which clusters end a job, interrupt as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
