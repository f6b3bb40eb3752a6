"""Discrete actions: of the environment's own space and type, and to the same bits whoever steps."""

import numpy as np
import pytest
from gymnasium.spaces import Discrete, MultiBinary, MultiDiscrete
from rollout_cases import ask_processes, assert_same_bits, questions
from rollout_cases import settings as make_settings

from odes_rl.errors import UserError
from odes_rl.rollouts.backends import BACKENDS
from odes_rl.rollouts.environments import describe_task
from odes_rl.rollouts.episodes import Lane
from odes_rl.rollouts.heads import make_head
from odes_rl.rollouts.recording import record_episode
from odes_rl.rollouts.seeds import action_generator
from odes_rl.rollouts.serial import SerialBackend
from odes_rl.rollouts.setup import Setup
from odes_rl.training.device_actor import DeviceActor

WAYS = ("greedy", "sampled")
TASKS = {"Choices": (3,), "ManyChoices": (2, 3, 4, 1), "Switches": (2, 2, 2)}


def settings(name, actions="greedy"):
    return make_settings(f"odd_environments:{name}-v0")._replace(actions=actions)


@pytest.mark.parametrize("actions", WAYS)
@pytest.mark.parametrize("name", TASKS)
def test_an_environment_that_refuses_other_actions_is_given_none(name, actions):
    task = settings(name, actions)
    described = describe_task(task.task)
    assert described.choices == TASKS[name]
    assert described.action_size == sum(TASKS[name])
    asked = questions(task.task, 3, 2)
    with SerialBackend(task) as backend:
        found = backend.evaluate(*asked)
    assert not found.failed.any()
    assert not found.saturated.any()
    assert len(np.unique(found.returns)) == 6
    first = type(asked[0])(*(leaf[:1] for leaf in asked[0]))
    assert record_episode(task, first, asked[1], int(asked[2][0, 1])).total == found.returns[0, 1]


@pytest.mark.parametrize(
    ("space", "raw", "expected"),
    [
        (Discrete(3, start=-1), [0, 0, 1], 1),
        (Discrete(2, dtype=np.int32), [1, 0], 0),
        (
            MultiDiscrete(np.array([[2, 3], [4, 1]]), start=np.array([[1, 1], [0, 0]])),
            [0, 1, 0, 0, 1, 1, 0, 0, 2, 5],
            [[2, 3], [3, 0]],
        ),
        (MultiBinary((2, 1)), [0, 1, 1, 0], [[1], [0]]),
    ],
)
def test_an_action_has_the_type_of_a_sample_of_the_space(space, raw, expected):
    action, saturated = make_head(space, "clip")(np.array(raw, np.float32))
    assert saturated == 0
    np.testing.assert_array_equal(action, expected)
    sample = space.sample()
    assert (type(action), action.dtype, np.shape(action)) == (type(sample), sample.dtype, np.shape(sample))
    assert make_head(space, "clip")(np.full(len(raw), np.nan, np.float32))[1] == -1


def test_samples_are_those_of_the_episodes_seed():
    lane = Lane(settings("Choices", "sampled"))
    logits, drawn = np.array([0.5, 0.0, -0.5], np.float32), []
    for seed in (5, 6, 5):
        generator = lane.acting.generator(seed)
        drawn.append([int(lane.acting.head(logits, generator)[0]) for _ in range(50)])
    assert drawn[0] == drawn[2] != drawn[1]
    assert set(drawn[0]) == {-1, 0, 1}
    assert action_generator(5).random() != lane.environment.unwrapped.np_random.random()
    lane.environment.close()


@pytest.mark.parametrize("actions", WAYS)
def test_any_number_of_workers_and_lanes_gives_the_same_bits(actions):
    task = settings("ManyChoices", actions)
    asked = questions(task.task, 4, 2)
    asked[0].output[1] = np.inf  # a candidate that fails
    with SerialBackend(task, lanes=3) as backend:
        expected = backend.evaluate(*asked)
    with SerialBackend(task._replace(actions="greedy")) as backend:
        assert (backend.evaluate(*asked).returns[0] == expected.returns[0]).all() == (actions == "greedy")
    assert expected.failed.tolist() == [[False] * 2, [True] * 2, [False] * 2, [False] * 2]
    assert_same_bits(ask_processes(task, 2, 2, asked), expected)


@pytest.mark.parametrize("actions", WAYS)
def test_members_of_a_pair_that_act_alike_are_told_apart_by_nothing(actions):
    task = settings("Choices", actions)
    weights, statistics, seeds = questions(task.task, 2, 3)
    seeds[1] = seeds[0]
    alike = type(weights)(*(np.repeat(leaf[:1], 2, axis=0) for leaf in weights))
    with SerialBackend(task, lanes=2) as backend:
        returns = backend.evaluate(alike, statistics, seeds).returns
    np.testing.assert_array_equal(returns[0], returns[1])


def test_the_device_computes_logits_and_workers_choose():
    from odes_rl.rollouts.processes import ProcessesBackend

    task = settings("ManyChoices", "sampled")
    asked = questions(task.task, 3, 2)
    with SerialBackend(task) as serial:
        expected = serial.evaluate(*asked)
    with ProcessesBackend(task, 1, 2, 60.0, DeviceActor(task.act_rule)) as device:
        np.testing.assert_allclose(device.evaluate(*asked).returns, expected.returns, rtol=1e-5)


@pytest.mark.parametrize("task", ["CartPole-v1", "Acrobot-v1", "MountainCar-v0", "LunarLander-v3"])
def test_gymnasiums_own_tasks_take_the_actions(task):
    chosen = make_settings(task, 3)._replace(actions="sampled")
    with SerialBackend(chosen) as backend:
        assert not backend.evaluate(*questions(task, 2, 1)).failed.any()


def test_what_does_not_go_with_a_kind_of_actions_is_refused():
    with pytest.raises(UserError, match=r"squash is tanh, but CartPole-v1 has discrete actions.*leave it out"):
        describe_task("CartPole-v1", "tanh")
    with pytest.raises(UserError, match=r"actions is sampled, but Pendulum-v1 has no discrete actions"):
        describe_task("Pendulum-v1", actions="sampled")


def test_envpool_refuses_them():
    pytest.importorskip("envpool")
    with pytest.raises(UserError, match="envpool has continuous actions only, but CartPole-v1 has discrete ones"):
        BACKENDS["envpool"].check("CartPole-v1", Setup())
