"""One trial: a run for each seed, judged at its evaluations, and the value that they come to."""

import math
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from odes_rl.compare.standing import differing, free_options, recorded_options
from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import StorageError, UserError, first_and_last_line, raised
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.runs.files import CONFIG, writing_to
from odes_rl.runs.lock import only_trainer
from odes_rl.runs.metrics import Metrics
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.search.config import Objective, Search
from odes_rl.search.proposing import PARTS
from odes_rl.search.storage import stored
from odes_rl.training.train import train

if TYPE_CHECKING:
    import optuna

SCORE = "evaluation_score"
REASON = "reason"
"""The attribute of a failed trial that says why."""
_PATIENCE = 60.0
"""Seconds to wait for a process that trains the run, and which is about to end."""
Changes = Mapping[str, Any]


class PrunedError(Exception):
    """The trial is not worth going on with."""


class OtherRunError(UserError):
    """Another run lies where one of the trial belongs."""


def run_trial(search: Search, study: "optuna.Study", trial: "optuna.Trial", changes: Changes) -> None:
    """Train the runs of `trial`, or go on with them, and tell the storage what they came to.

    Args:
        search: the search.
        study: its trials.
        trial: locked by this process.
        changes: options of `rollouts` for this process, which change no result.

    Raises:
        OtherRunError: if another run lies where one of the trial belongs.
        StorageError: if a run cannot be written.
        KeyboardInterrupt: if interrupted; the trial goes on the next time.
    """
    from optuna.trial import TrialState

    try:
        values = [_run(search, trial, changes, index) for index in range(len(search.seeds))]
    except (OtherRunError, StorageError):
        raise
    except PrunedError:
        told: dict[str, Any] = {"state": TrialState.PRUNED}
    except Exception as error:  # also of a part of the user's own
        reason = _reason(error, search.trial_path(trial.number))
        with stored():
            trial.set_user_attr(REASON, reason)
        told = {"state": TrialState.FAIL}
    else:
        told = {"values": float(np.mean(values))}
    with stored():
        study.tell(trial, **told)


def _reason(error: Exception, path: Path) -> str:
    """Why a trial at `path` failed, in one line; the traceback of what nobody foresaw is kept there."""
    if isinstance(error, UserError | EnvironmentFailure):
        return first_and_last_line(error)
    log = path / "failure.log"
    with writing_to(path):
        path.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return f"{raised(error)}, see {log}"


def objective(kind: Objective, lines: Sequence[Metrics]) -> float:
    """The value of a run with the metrics `lines`, which is maximised; see `SearchConfig.objective`.

    An evaluation that is not finite counts as the worst one of the run that is.

    Raises:
        UserError: if no evaluation that counts had a finite return.
    """
    last = lines[-1]["env_steps"] if lines else 0
    evaluated = [line for line in lines if SCORE in line]
    counted = [line for line in evaluated if line["generation"] and (kind != "second_half" or _is_late(line, last))]
    if all(line[SCORE] is None for line in counted):
        raise UserError("no evaluation that counts had a finite return")
    worst = min(line[SCORE] for line in evaluated if line[SCORE] is not None)
    scores = [worst if line[SCORE] is None else line[SCORE] for line in counted]
    if kind == "last":
        return scores[-1]
    return max(scores) if kind == "best" else float(np.mean(scores))


def _is_late(line: Metrics, last: int) -> bool:
    return line["env_steps"] >= last / 2


def score_at_parts(lines: Sequence[Metrics], env_steps: int) -> dict[int, float]:
    """Part of a run, counted from 1 → the last evaluation before its end; of those that `lines` have passed.

    The evaluation of the untrained policy does not count. The last part is left out, for after it there is nothing to
    save.
    """
    scores = [(line["env_steps"], line[SCORE]) for line in lines if SCORE in line and line["generation"]]
    reached = lines[-1]["env_steps"] if lines else 0
    ends = {part: part * env_steps / PARTS for part in range(1, PARTS) if part * env_steps / PARTS <= reached}
    before = {part: [score for steps, score in scores if steps <= end] for part, end in ends.items()}
    return {part: math.nan if known[-1] is None else known[-1] for part, known in before.items() if known}


def _run(search: Search, trial: "optuna.Trial", changes: Changes, index: int) -> float:
    """The value of the run with seed number `index` of `trial`, once it is trained.

    Raises:
        PrunedError: if the trial is to end here.
    """
    seed, path = search.seeds[index], search.trial_path(trial.number) / f"seed_{search.seeds[index]}"
    config = search.trial_config(trial.params, {"run.seed": seed, "run.directory": str(path), **changes})
    with _opened(path, config) as run, only_trainer(path, _PATIENCE):
        judge = _Judge(trial, run, PARTS * index, more=index + 1 < len(search.seeds))
        if _is_over(run):
            judge.report()
        else:
            judge.check()
            train(run, judge)
        return objective(search.config.objective, run.metrics())


def _opened(path: Path, config: ExperimentConfig) -> RunDirectory:
    if not (path / CONFIG).exists():
        return RunDirectory.create(path, config)
    there, here = recorded_options(RunDirectory.open(path).config), recorded_options(config)
    for name in differing(there, here):
        raise OtherRunError(
            f"{str(path)!r} is of another search, with {name} {there.get(name)} in place of {here.get(name)}: "
            "remove that search's directories of trials, or give another --directory"
        )
    return RunDirectory.open(path, free_options(config))


def _is_over(run: RunDirectory) -> bool:
    lines = run.metrics()
    ends = bool(lines) and run.config.run.is_over(lines[-1]["generation"], lines[-1]["env_steps"])
    return ends and (run.checkpoints.latest_generation() or 0) >= lines[-1]["generation"]


class _Judge:
    """Called with each generation of a run: reports its evaluations, and ends the trial that the pruner gives up.

    A trial is judged after each report. An earlier process may have died in between, and so `check` comes first.
    """

    def __init__(self, trial: "optuna.Trial", run: RunDirectory, first: int, *, more: bool) -> None:
        self.trial, self.first, self.more = trial, first, more
        self.options = run.config.run
        self.lines = run.metrics()
        with stored():
            self.reported = set(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    def __call__(self, metrics: Metrics) -> None:
        """Take the newest line of the metrics.

        Raises:
            PrunedError: if the trial is to end.
        """
        while self.lines and self.lines[-1]["generation"] >= metrics["generation"]:
            self.lines.pop()  # what a resumed run has cut back
        self.lines.append(metrics)
        self.report()

    def report(self) -> None:
        """Report what is new, and judge the trial if there is something left to save.

        Raises:
            PrunedError: if the trial is to end.
        """
        line = self.lines[-1]
        left = self.more or not self.options.is_over(line["generation"], line["env_steps"])
        for part, score in score_at_parts(self.lines, self.options.env_steps or 1).items():
            if (step := self.first + part) not in self.reported:
                with stored():
                    self.trial.report(score, step)
                self.reported.add(step)
                if left:
                    self.check()

    def check(self) -> None:
        """Judge the trial by its last report.

        Raises:
            PrunedError: if the trial is to end.
        """
        with stored():
            pruned = bool(self.reported) and self.trial.should_prune()
        if pruned:
            raise PrunedError
