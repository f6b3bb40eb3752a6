"""The trials of a search in an SQLite file, which several processes share."""

import json
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odes_rl.errors import StorageError, UserError, one_line
from odes_rl.extras import require
from odes_rl.interrupts import check_interrupted
from odes_rl.runs.files import CONFIG, LOCK, SEARCH, write_yaml, writing_to
from odes_rl.runs.lock import only_trainer
from odes_rl.search.config import Search, check_same
from odes_rl.search.proposing import make_pruner, propose
from odes_rl.yaml_text import read_yaml

if TYPE_CHECKING:
    import optuna

_NAME = "search"
PATIENCE = 60.0
"""Seconds to wait for another process that writes to the storage."""
_LOOK_SECONDS = 0.5


def import_optuna() -> Any:
    """The package optuna, which then only warns of what matters.

    Raises:
        UserError: if it is not installed.
    """
    require("odes-rl search", "optuna")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def open_study(search: Search) -> "optuna.Study":
    """The trials of `search`, begun if there are none.

    Raises:
        UserError: if optuna is not installed, the files cannot be written, or are those of another search.
    """
    import_optuna()
    directory = search.path
    made = [path for path in (directory, *directory.parents) if not path.exists()]
    _check_place(search)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with only_trainer(directory, PATIENCE):
            return _begun(search)
    except BaseException as error:
        _remove(directory, made)
        if isinstance(error, OSError):
            raise UserError(f"cannot write a search to {str(directory)!r}: {error.strerror}") from None
        raise


def _check_place(search: Search) -> None:
    if (search.path / CONFIG).exists():
        raise UserError(f"{str(search.path)!r} holds a run or a study: give another --directory")
    if (search.path / SEARCH).exists():
        check_same(read_yaml(search.path / SEARCH), search, search.path)
    if search.config.storage and not search.storage.absolute().parent.is_dir():
        raise UserError(f"storage is {search.config.storage!r}, but its directory does not exist: make it first")


def _begun(search: Search) -> "optuna.Study":
    """The trials, and a record of the search. Called by one process at a time, which removes only what it has made."""
    new = not search.storage.exists()
    try:
        study = _study(search)
        write_yaml(search.path / SEARCH, search.record)  # anew, for options that may change: workers read it
        return study
    except BaseException:
        if new:
            with suppress(OSError):
                search.storage.unlink()
        raise


def _study(search: Search) -> "optuna.Study":
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        # Other processes write too, and an SQLite file has one writer at a time.
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{search.storage.absolute()}", engine_kwargs={"connect_args": {"timeout": PATIENCE}}
        )
        study = optuna.create_study(
            storage=storage,
            study_name=_NAME,
            direction="maximize",
            load_if_exists=True,
            pruner=make_pruner(search),
        )
        recorded = study.user_attrs.get(_NAME)
        if recorded is None:
            study.set_user_attr(_NAME, json.dumps(search.record))
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        raise UserError(
            f"storage: trials cannot be kept in {str(search.storage)!r}: {_cause(error)}; give another --storage"
        ) from None
    if recorded is not None:
        check_same(json.loads(recorded), search, search.storage)
    return study


def _cause(error: BaseException) -> str:
    """What the database says, without SQLAlchemy's statement and links."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    return one_line(getattr(causes[-1], "orig", None) or causes[-1])


def _remove(directory: Path, made: list[Path]) -> None:
    """Remove the directories `made` in vain, unless another process has put something there."""
    with suppress(OSError):
        if directory in made and [path.name for path in directory.iterdir()] == [LOCK]:
            (directory / LOCK).unlink()
    for path in made:
        with suppress(OSError):
            path.rmdir()


@contextmanager
def stored() -> Iterator[None]:
    """Say of what the storage does not take that it cannot be written.

    Raises:
        StorageError: in place of the database's own errors.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise StorageError(f"the trials cannot be written: {_cause(error)}; correct this") from error


@contextmanager
def next_trial(search: Search, study: "optuna.Study") -> Iterator["optuna.Trial | None"]:
    """A trial that no other process runs: one that a process left behind, or a new one; None if all have ended.

    Waits while the last trials are run by other processes, which may die.
    """
    with ExitStack() as stack:
        while True:
            with only_trainer(search.path, PATIENCE), stored():
                trial, left = _claim(search, study, stack)
            if trial or not left:
                break
            check_interrupted()
            time.sleep(_LOOK_SECONDS)
        yield trial


def _claim(search: Search, study: "optuna.Study", stack: ExitStack) -> tuple["optuna.Trial | None", bool]:
    """A trial whose directory is locked in `stack`, if there is one; and whether others have not ended.

    Called by one process at a time.
    """
    import optuna

    trials = study.get_trials(deepcopy=False)
    running = [trial for trial in trials if trial.state == optuna.trial.TrialState.RUNNING]
    for trial in running:
        if _locked(search.trial_path(trial.number), stack):
            left = optuna.Trial(study, trial._trial_id)
            for parameter in search.parameters:  # its process may have ended before all were stored
                left._suggest(parameter.name, parameter.distribution)
            return left, True
    waiting = any(trial.state == optuna.trial.TrialState.WAITING for trial in trials)
    if not waiting and len(trials) >= search.trials:
        return None, bool(running)
    if not waiting:  # in one transaction, so that no trial has some of its values only
        study.enqueue_trial(propose(search, trials))
    trial = study.ask({parameter.name: parameter.distribution for parameter in search.parameters})
    locked = _locked(search.trial_path(trial.number), stack)
    assert locked, trial.number
    return trial, True


def _locked(path: Path, stack: ExitStack) -> bool:
    with writing_to(path):
        path.mkdir(parents=True, exist_ok=True)
    try:
        stack.enter_context(only_trainer(path))
    except UserError:
        return False
    return True
