"""Environments by their ids, and what is refused."""

import faulty_environments
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, flatten
from rollout_cases import WALK, assert_same_bits, questions, settings

from odes_rl.errors import UserError
from odes_rl.rollouts.backends import BACKENDS
from odes_rl.rollouts.environments import describe_task, make_environment
from odes_rl.rollouts.flattening import flattener
from odes_rl.rollouts.processes import ProcessesBackend
from odes_rl.rollouts.serial import SerialBackend
from odes_rl.rollouts.setup import Setup, Wrap
from odes_rl.rollouts.tasks import find_task, task_ids

SIZES = {
    "Swimmer-v5": (8, 2),
    "HalfCheetah-v5": (17, 6),
    "Hopper-v5": (11, 3),
    "Humanoid-v5": (348, 17),
    "dm_control/swimmer-swimmer15-v0": (61, 14),
    "dm_control/humanoid-stand-v0": (67, 21),
    "dm_control/cheetah-run-v0": (17, 6),
}


@pytest.mark.parametrize("task", SIZES)
def test_tasks_of_both_suites_have_the_sizes_of_the_experiments(task):
    described = describe_task(task)
    assert (described.observation_size, described.action_size) == SIZES[task]
    own = np.float64 if task.startswith("dm_control") else np.float32
    assert described.low.dtype == described.high.dtype == own
    assert (described.low < described.high).all()
    assert task in task_ids()


def test_dictionaries_are_flattened_in_the_order_of_the_space():
    """As Gymnasium's own flattening has it, except that float64 stays as it is."""
    scalar, pair, column = Box(-9, 9, ()), Box(-9, 9, (2,)), Box(-9, 9, (2, 1))
    space = Dict({"b": pair, "a": scalar, "c": Dict({"d": column})})
    observation = {"more": np.ones(3), "b": np.array([1, 2]), "c": {"d": np.array([[4.1], [5.0]])}, "a": 3.5}
    flat = flattener(space)(observation)
    np.testing.assert_array_equal(flat, [3.5, 1, 2, 4.1, 5])
    np.testing.assert_allclose(flat, np.asarray(flatten(space, observation)))
    assert flat.dtype == np.float64
    with pytest.raises(ValueError, match="lacks the entry 'b' of its space"):
        flattener(space)({"a": 1.0, "c": observation["c"]})


@pytest.mark.parametrize("task", ["dm_control/humanoid-stand-v0", "dm_control/reach_site_features-v0"])
def test_tasks_of_dm_control_are_flattened_as_gymnasium_does(task):
    environment = make_environment(task, 3)
    observation, _ = environment.reset(seed=1)
    expected = flatten(environment.observation_space, observation)
    np.testing.assert_array_equal(flattener(environment.observation_space)(observation), expected)
    environment.close()


@pytest.mark.parametrize("task", ["HalfCheetah-v5", "dm_control/cheetah-run-v0"])
def test_max_steps_cuts_an_episode(task):
    environment = make_environment(task, 3)
    environment.reset(seed=0)
    action = np.zeros(6, environment.action_space.dtype)
    truncated = [environment.step(action)[3] for _ in range(3)]
    assert truncated == [False, False, True]
    environment.close()


@pytest.mark.parametrize(
    ("task", "nearest"),
    [
        ("HalfCheeta-v5", "HalfCheetah-v5"),
        ("HalfCheetah", "HalfCheetah-v5"),
        ("dm_control/cheetah-runn-v0", "dm_control/cheetah-run-v0"),
        ("cheetah-run-v0", "dm_control/cheetah-run-v0"),
    ],
)
def test_an_unknown_id_names_the_nearest(task, nearest):
    with pytest.raises(UserError, match=f"no task '{task}'; did you mean '{nearest}'"):
        find_task(task)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("no_such_module:Walk-v0", "module 'no_such_module' cannot be imported"),
        ("faulty_environments:Wolk-v0", "no task 'Wolk-v0'; did you mean 'Walk-v0'"),
        ("faulty_environments:OnSomeSeed", "no task 'OnSomeSeed'; did you mean 'OnSomeSeeds'"),
        (
            "faulty_environments:_countdown",
            r"requires arguments \(missing a required argument: 'file'\): give them in task\.options",
        ),
        ("builtins:dict", "cannot be made: The environment must inherit from the gymnasium.Env class"),
        ("HalfCheetah-v3", "HalfCheetah-v3 cannot be made: .*moved to the gymnasium-robotics"),
        ("faulty_environments:TextActions-v0", r"actions Text\(.*\); policies need"),
        ("faulty_environments:TextActions-v0", "policies need a Box of numbers, or Discrete"),
        ("faulty_environments:TextObservations-v0", "policies need a Box, Discrete, MultiDiscrete or MultiBinary"),
    ],
)
def test_what_does_not_suit_is_refused_in_one_line(task, message):
    with pytest.raises(UserError, match=message) as caught:
        describe_task(task)
    assert "\n" not in str(caught.value)


def test_tanh_needs_bounded_actions():
    assert describe_task("faulty_environments:Unbounded-v0", "clip").action_size == 2
    with pytest.raises(UserError, match=r"policy\.squash: tanh needs bounded actions"):
        describe_task("faulty_environments:Unbounded-v0", "tanh")


def test_an_environment_of_ones_own_is_found_by_its_module():
    assert describe_task("faulty_environments:Walk-v0").observation_size == 3


@pytest.mark.parametrize("backend", ["serial", "processes"])
def test_a_task_may_be_named_by_its_class(backend):
    weights, statistics, seeds = questions(WALK)
    with SerialBackend(settings(WALK)) as serial:
        expected = serial.evaluate(weights, statistics, seeds)
    named = settings("faulty_environments:Walk")
    BACKENDS[backend].check(named.task, named.setup)
    with SerialBackend(named) if backend == "serial" else ProcessesBackend(named, workers=1) as made:
        assert_same_bits(made.evaluate(weights, statistics, seeds), expected)


def test_what_a_named_function_returns_is_cut_too(monkeypatch):
    monkeypatch.setattr(faulty_environments, "short_walk", lambda: faulty_environments.Walk(), raising=False)
    environment = make_environment("faulty_environments:short_walk", 2)
    environment.reset(seed=0)
    assert [environment.step(np.zeros(2, np.float32))[3] for _ in range(2)] == [False, True]


TWICE = Wrap("RepeatAction", {"num_repeats": 2})


@pytest.mark.parametrize(
    ("task", "max_steps", "wraps", "limit"),
    [
        ("Hopper-v5", None, (), 1000),
        ("Hopper-v5", 30, (), 30),
        ("Hopper-v5", 31, (TWICE,), 16),
        (
            "Hopper-v5",
            None,
            (Wrap("TimeLimit", {"max_episode_steps": 20}), Wrap("RepeatAction", {"num_repeats": 2})),
            10,
        ),
        ("dm_control/cheetah-run-v0", None, (), 1000),
        ("dm_control/cheetah-run-v0", 50, (), 50),
        ("dm_control/lqr-lqr_2_1-v0", None, (), None),
    ],
)
def test_the_limit_of_steps_is_told(task, max_steps, wraps, limit):
    setup = Setup(wrappers=wraps)
    assert describe_task(task, setup=setup, max_steps=max_steps).limit == limit
