"""Which of the registered tasks can be trained here. Free of JAX."""

import warnings

import gymnasium

from odes_rl.errors import UserError
from odes_rl.rollouts.environments import describe_task
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.rollouts.tasks import task_ids


def trainable_tasks() -> list[str]:
    """Ids of the tasks that policies can be trained on, sorted.

    Every task is made to see that it can be, except for those of DM Control, of which that would take half a minute.
    """
    listed = task_ids()
    others = [task for task in gymnasium.registry if task not in listed and not task.startswith("dm_control/")]
    return sorted([*listed, *filter(_can_be_made, others)])


def _can_be_made(task: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that an older version is out of date
        try:
            describe_task(task)
        except (UserError, EnvironmentFailure):
            return False
    return True
