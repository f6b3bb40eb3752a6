"""`odes_rl.load`: a policy out of a run directory, or one that comes with the package."""

from pathlib import Path
from typing import get_args

from odes_rl.errors import UserError, check_name
from odes_rl.front.trained import TrainedPolicy
from odes_rl.training.restoring import Checkpoint, check_trained, open_source, restore_run


def load(run: str | Path, checkpoint: Checkpoint = "best") -> TrainedPolicy:
    """The policy of a training run, or a pretrained one, to be called on observations.

    Args:
        run: the run's directory, or `pretrained:TASK/POLICY`, as `odes-rl list pretrained` shows them.
        checkpoint: `best`, of the best evaluation, or `latest`, as `odes-rl evaluate` takes them: as long as only the
            untrained policy has been evaluated, the best is the latest.

    Raises:
        UserError: no run, a run of another kind, an untrained one; no checkpoint, or a damaged one; no such pretrained
            policy; a task that is not available here.
    """
    if not isinstance(run, str | Path):
        raise UserError(f"run is {run!r}, but must be the path of a run directory")
    check_name("checkpoint", checkpoint, get_args(Checkpoint))
    opened = open_source(run)
    check_trained(opened)
    return TrainedPolicy.of(restore_run(opened, checkpoint))
