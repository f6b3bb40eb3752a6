"""The tasks that are listed: those that train, and no others."""

import gymnasium
import pytest

from odes_rl.errors import UserError
from odes_rl.rollouts.environments import describe_task, make_environment
from odes_rl.rollouts.task_list import trainable_tasks

# Without DM Control's, which take half a minute to make, and have a test of their own.
LISTED = [task for task in trainable_tasks() if not task.startswith("dm_control/")]
OTHERS = [task for task in gymnasium.registry if task not in LISTED and not task.startswith("dm_control/")]


def test_classic_control_and_older_versions_are_listed_where_they_train():
    assert {"Pendulum-v1", "MountainCarContinuous-v0", "Ant-v4", "Ant-v5"} <= set(LISTED)
    assert {"CartPole-v1", "Hopper-v2", "Pusher-v4", "Taxi-v4"} <= set(OTHERS)


@pytest.mark.filterwarnings("ignore:.*out of date")
@pytest.mark.parametrize("task", LISTED)
def test_what_is_listed_can_be_stepped(task):
    environment = make_environment(task, 2)
    environment.reset(seed=0)
    environment.step(environment.action_space.sample())
    environment.close()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("task", OTHERS)
def test_what_is_not_listed_is_refused_in_a_line(task):
    with pytest.raises(UserError) as mistake:
        describe_task(task)
    assert "\n" not in str(mistake.value)
