"""Running the trials of a search: in this process, or in several that share them."""

import subprocess
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from odes_rl.compare.processes import start_process, stop
from odes_rl.errors import StorageError
from odes_rl.interrupts import check_interrupted
from odes_rl.search.config import Search
from odes_rl.search.results import line_of
from odes_rl.search.storage import next_trial, stored
from odes_rl.search.trial import run_trial

if TYPE_CHECKING:
    import optuna

Tell = Callable[[str], None]
"""`tell(line)`: what a trial came to."""
_LOOK_SECONDS = 0.5


def run_trials(search: Search, study: "optuna.Study", tell: Tell, changes: Mapping[str, Any]) -> None:
    """Run trials until all of the search have ended, here or in another process.

    `changes` are options of `rollouts` for the runs of this process.

    Raises:
        StorageError: if a run or the storage cannot be written.
        KeyboardInterrupt: if interrupted, once a checkpoint is saved.
    """
    while True:
        with next_trial(search, study) as trial:
            if trial is None:
                return
            run_trial(search, study, trial, changes)
            tell(line_of(study, trial.number))


def share_trials(search: Search, study: "optuna.Study", tell: Tell, processes: int, cores: int) -> None:
    """As `run_trials`, in so many `processes` that share the `cores`; each computes in one thread.

    Raises:
        StorageError: if all processes fail.
        KeyboardInterrupt: if interrupted, once all have saved a checkpoint.
    """
    started: list[subprocess.Popen] = []
    told = {trial.number for trial in _ended(study)}
    try:
        started += [_start(search, number, max(cores // processes, 1)) for number in range(processes)]
        while any(process.poll() is None for process in started):
            _tell_of(study, told, tell)
            time.sleep(_LOOK_SECONDS)
            check_interrupted()
        _tell_of(study, told, tell)
    finally:
        stop(started)
    failed = [number for number, process in enumerate(started) if process.returncode]
    if len(failed) == processes:
        raise StorageError(f"all processes of the search failed: see {search.path / _log(failed[0])}")


def _ended(study: "optuna.Study") -> "list[optuna.trial.FrozenTrial]":
    with stored():
        return [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]


def _tell_of(study: "optuna.Study", told: set[int], tell: Tell) -> None:
    for trial in _ended(study):
        if trial.number not in told:
            told.add(trial.number)
            tell(line_of(study, trial.number))


def _log(number: int) -> str:
    return f"process_{number}.log"


def _start(search: Search, number: int, workers: int) -> subprocess.Popen:
    arguments = [str(search.path), str(search.storage), str(search.trials), str(workers)]
    return start_process("odes_rl.search.worker", arguments, search.path / _log(number))
