"""The command `search`."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from odes_rl.interrupts import advising, interruptible
from odes_rl.validation import STRICT


class Search(BaseModel):
    """Search hyperparameters: trials of a training config, proposed by Optuna. Started again, a search goes on.

    Several processes share a search: start the same command more than once, or with `--workers`.

    Dotted options, as in `--strategy.population 16`, apply to all trials.
    """

    model_config = STRICT

    config: str
    """YAML file with base, space, trials, env_steps and more: see docs/search.md; or the name of a packaged one, as
    `odes-rl list configs` shows them."""
    directory: str | None = None
    """Directory of the trials; overrides the file."""
    trials: int | None = Field(default=None, ge=1)
    """Number of trials; overrides the file. More may be asked for when a search goes on."""
    env_steps: int | None = Field(default=None, ge=1)
    """Environment steps of training in each run; overrides the file."""
    seeds: int | None = Field(default=None, ge=1)
    """Number of runs of each trial; overrides the file."""
    storage: str | None = None
    """SQLite file of the trials; overrides the file."""
    workers: int = Field(default=1, ge=1)
    """Processes that run trials at the same time. One gives the same trials every time."""


def search(command: Search, overrides: Mapping[str, str]) -> int:
    """Run the trials that have not ended, then print the table; 1 if no trial was completed.

    Raises:
        UserError: any mistake in the config, or the directory or the storage is of another search.
        StorageError: if something cannot be written.
        KeyboardInterrupt: if interrupted, once a checkpoint is saved.
    """
    from odes_rl.rollouts.choosing import available_cores
    from odes_rl.search.config import load_search
    from odes_rl.search.results import result_lines, write_results
    from odes_rl.search.running import run_trials, share_trials
    from odes_rl.search.storage import import_optuna, open_study
    from odes_rl.training.initial import check_startable

    import_optuna()
    configured = load_search(command.config, _changes(command), overrides)
    interruptible(check_startable, configured.base)  # a mistake there is told before anything is written
    study = open_study(configured)
    with advising("resume with the same command"):
        if command.workers == 1:
            run_trials(configured, study, _tell, {})
        else:
            share_trials(configured, study, _tell, command.workers, available_cores())
    for line in (*result_lines(configured, study), *map(str, write_results(configured, study))):
        print(line)
    return 0 if any(trial.state.name == "COMPLETE" for trial in study.trials) else 1


def _changes(command: Search) -> dict[str, Any]:
    return command.model_dump(include={"directory", "trials", "env_steps", "seeds", "storage"}, exclude_none=True)


def _tell(line: str) -> None:
    print(line, flush=True)
