"""The tasks that are listed: those that train, and no others."""

from typing import Any

import gymnasium
import pytest

from odes_rl.errors import UserError
from odes_rl.rollouts.environments import describe, describe_task, make_environment
from odes_rl.rollouts.flattening import flattener
from odes_rl.rollouts.task_list import trainable_tasks


def origin(entry_point: Any) -> str:
    """The module of what makes an environment."""
    return entry_point if isinstance(entry_point, str) else entry_point.__module__


# Gymnasium's own: other tests register worse ones, and DM Control's, which take half a minute, have a test elsewhere.
OWN = [task for task, spec in gymnasium.registry.items() if origin(spec.entry_point).startswith("gymnasium.")]
LISTED = sorted({*OWN} & {*trainable_tasks()})
OTHERS = sorted({*OWN} - {*LISTED})


def test_classic_control_and_older_versions_are_listed_where_they_train():
    assert {"Pendulum-v1", "CartPole-v1", "LunarLander-v3", "Ant-v4", "Ant-v5"} <= set(LISTED)
    assert {"CarRacing-v3", "Hopper-v2", "Pusher-v4"} <= set(OTHERS)


@pytest.mark.filterwarnings("ignore:.*out of date")
@pytest.mark.parametrize("task", LISTED)
def test_what_is_listed_can_be_stepped(task):
    environment = make_environment(task, 2)
    environment.reset(seed=0)
    observation, *_ = environment.step(environment.action_space.sample())
    assert flattener(environment.observation_space)(observation).shape == (describe(environment).observation_size,)
    environment.close()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("task", OTHERS)
def test_what_is_not_listed_is_refused_in_a_line(task):
    with pytest.raises(UserError) as mistake:
        describe_task(task)
    assert "\n" not in str(mistake.value)
