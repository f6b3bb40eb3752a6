"""`odes_rl.load`: a policy out of a run directory."""

from pathlib import Path
from typing import get_args

from odes_rl.config.layering import TRAINING
from odes_rl.errors import UserError, check_name
from odes_rl.front.trained import TrainedPolicy
from odes_rl.runs.run_directory import RunDirectory, recorded_kind
from odes_rl.training.evaluate import Checkpoint, check_trained, restore_run


def load(run: str | Path, checkpoint: Checkpoint = "best") -> TrainedPolicy:
    """The policy of a training run, to be called on observations.

    Args:
        run: the run's directory.
        checkpoint: `best`, of the best evaluation, or `latest`, as `odes-rl evaluate` takes them: as long as only the
            untrained policy has been evaluated, the best is the latest.

    Raises:
        UserError: no run, a run of another kind, an untrained one; no checkpoint, or a damaged one; a task that is not
            available here.
    """
    if not isinstance(run, str | Path):
        raise UserError(f"run is {run!r}, but must be the path of a run directory")
    check_name("checkpoint", checkpoint, get_args(Checkpoint))
    if recorded_kind(run) is not TRAINING:
        raise UserError(
            f"{str(run)!r} is a run of `odes-rl fit`, whose model has no actions: give a run of `odes-rl train`"
        )
    opened = RunDirectory.open(run)
    check_trained(opened)
    return TrainedPolicy.of(restore_run(opened, checkpoint))
