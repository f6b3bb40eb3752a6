"""Runs that are trained together are those that each would be alone."""

from contextlib import ExitStack

import pytest

from odes_rl.errors import UserError
from odes_rl.runs.checkpoints import Checkpoints
from odes_rl.runs.files import CHECKPOINTS
from odes_rl.training.together import train_together
from odes_rl.training.train import train
from tests.made_runs import create_run, timeless

OPTIONS = {
    "task__id": "InvertedPendulum-v5",
    "task__max_steps": 20,
    "rollouts__backend": "serial",
    "run__generations": 3,
}
SEEDS = (0, 1, 5)


def together(directory, report=lambda run, metrics: None):
    with ExitStack() as stack:
        runs = [stack.enter_context(create_run(directory / f"{seed}", run__seed=seed, **OPTIONS)) for seed in SEEDS]
        train_together(runs, report)
    return runs


def test_the_metrics_are_those_of_runs_alone(tmp_path):
    reported = []
    runs = together(tmp_path / "together", lambda run, metrics: reported.append((run.path.name, metrics["generation"])))
    for seed, run in zip(SEEDS, runs, strict=True):
        with create_run(tmp_path / f"{seed}", run__seed=seed, **OPTIONS) as alone:
            train(alone, lambda metrics: None)
        assert timeless(run) == timeless(alone)
    assert sorted(reported) == sorted((f"{seed}", generation) for seed in SEEDS for generation in range(4))


def test_what_stops_one_is_raised_once_the_others_have_ended(tmp_path):
    def stop(run, metrics):
        if run.path.name == "1" and metrics["generation"] == 1:
            raise UserError("enough")

    with pytest.raises(UserError, match="enough"):
        together(tmp_path, stop)
    ended = {seed: Checkpoints(tmp_path / f"{seed}" / CHECKPOINTS).latest_generation() for seed in SEEDS}
    assert ended == {0: 3, 1: 0, 5: 3}  # as of the state before the line that was reported
