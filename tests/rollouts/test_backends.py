"""The same bits from a plain Gymnasium loop, the serial backend and any number of workers and lanes."""

import functools
from typing import Any

import gymnasium
import numpy as np
import pytest
from rollout_cases import (
    WALK,
    ask_processes,
    assert_same_bits,
    make_seeds,
    make_weights,
    questions,
)
from rollout_cases import settings as make_settings

from odes_rl.act import ACT_RULES
from odes_rl.rollouts.choosing import available_cores, make_backend
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.rollouts.environments import make_environment
from odes_rl.rollouts.processes import ProcessesBackend
from odes_rl.rollouts.protocol import Moments
from odes_rl.rollouts.serial import SerialBackend
from odes_rl.rollouts.setup import Setup

TASKS = {"HalfCheetah-v5": 15, "dm_control/cheetah-run-v0": 15, "Hopper-v5": 200}
CANDIDATES, EPISODES = 4, 2


@functools.cache
def serial(task, lanes=1):
    with SerialBackend(make_settings(task, TASKS[task]), lanes) as backend:
        return backend.evaluate(*questions(task, CANDIDATES, EPISODES))


def plain_flatten(observation):
    if isinstance(observation, dict):
        return np.concatenate([np.ravel(entry) for entry in observation.values()])
    return observation


def plain_loop(task, max_steps, weights, statistics, seeds):
    """Returns, lengths and all observations acted on, as anybody would write it."""
    if task.startswith("dm_control"):
        import shimmy

        gymnasium.register_envs(shimmy)
    environment: Any = gymnasium.make(task, max_episode_steps=max_steps)
    act = ACT_RULES["residual_flow_abs"].kernel
    deviation = np.sqrt(statistics.squares / 100)
    deviation[-1] = np.inf
    returns, lengths, seen = np.zeros(seeds.shape), np.zeros(seeds.shape, int), {}
    for candidate, episode in np.ndindex(seeds.shape):
        observation, _ = environment.reset(seed=int(seeds[candidate, episode]))
        done = False
        while not done:
            observation = plain_flatten(observation)
            seen.setdefault(candidate, []).append(observation)
            raw = np.empty(environment.action_space.shape, np.float32)
            act(
                type(weights)(*(leaf[candidate] for leaf in weights)),
                ((observation - statistics.mean) / deviation).astype(np.float32),
                raw,
            )
            action = np.clip(raw, environment.action_space.low, environment.action_space.high)
            action = action.astype(environment.action_space.dtype)
            observation, reward, terminated, truncated, _ = environment.step(action)
            returns[candidate, episode] += reward
            lengths[candidate, episode] += 1
            done = terminated or truncated
    environment.close()
    return returns, lengths, seen


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("task", TASKS)
def test_serial_equals_a_plain_gymnasium_loop(task):
    returns, lengths, seen = plain_loop(task, TASKS[task], *questions(task, CANDIDATES, EPISODES))
    found = serial(task)
    np.testing.assert_array_equal(found.returns, returns)
    np.testing.assert_array_equal(found.lengths, lengths)
    assert found.returns.std() > 1e-3
    assert not found.failed.any()
    for candidate, observations in seen.items():
        moments = found.moments[candidate]
        assert moments.count == len(observations)
        np.testing.assert_allclose(moments.mean, np.mean(observations, axis=0), rtol=1e-9, atol=1e-12)
        variance = moments.squares / moments.count
        np.testing.assert_allclose(variance, np.var(observations, axis=0), rtol=1e-6, atol=1e-9)


def test_hoppers_falls_make_episodes_of_many_lengths():
    assert len(np.unique(serial("Hopper-v5").lengths)) >= 4
    assert serial("Hopper-v5").lengths.max() < TASKS["Hopper-v5"]


@pytest.mark.parametrize("lanes", [2, 3, 20])
def test_serial_lanes_do_not_matter(lanes):
    assert_same_bits(serial("Hopper-v5", lanes), serial("Hopper-v5"))


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("BipedalWalker-v3", 100),
        ("BipedalWalkerHardcore-v3", 100),
        ("dm_control/lqr-lqr_6_2-v0", 100),
        pytest.param("dm_control/reassemble_5_bricks_random_order_features-v0", 3, marks=pytest.mark.slow),
    ],
)
def test_episodes_of_tasks_that_keep_or_draw_something_are_those_of_their_seeds(name, steps):
    """A world that episodes share, joints drawn as the environment is made, and an order shuffled again and again."""
    asked, chosen = questions(name, CANDIDATES, EPISODES), make_settings(name, steps)
    with SerialBackend(chosen, 1) as one, SerialBackend(chosen, 3) as three:
        expected, found = one.evaluate(*asked), three.evaluate(*asked)
        again = three.evaluate(*asked)
    assert len(np.unique(expected.returns)) > EPISODES
    assert_same_bits(found, expected)
    assert_same_bits(again, expected)


def test_the_seed_of_lqrs_joints_can_be_chosen():
    def stiffness(**options):
        made: Any = make_environment("dm_control/lqr-lqr_2_1-v0", setup=Setup(options))
        return made.unwrapped._env.physics.model.jnt_stiffness.tolist()

    assert stiffness() == stiffness() == stiffness(task_kwargs={"random": 0})
    assert stiffness() != stiffness(task_kwargs={"random": 1})


@pytest.mark.parametrize(
    ("task", "workers", "lanes"),
    [
        ("HalfCheetah-v5", 1, 1),
        ("HalfCheetah-v5", 2, 3),
        ("HalfCheetah-v5", 3, 1),
        ("dm_control/cheetah-run-v0", 1, 3),
        ("dm_control/cheetah-run-v0", 2, 1),
        ("dm_control/cheetah-run-v0", 3, 1),
        ("Hopper-v5", 1, 3),
        ("Hopper-v5", 2, 1),
        ("Hopper-v5", 3, 3),
    ],
)
def test_workers_and_lanes_do_not_matter(task, workers, lanes):
    asked = questions(task, CANDIDATES, EPISODES)
    found = ask_processes(make_settings(task, TASKS[task]), workers, lanes, asked)
    assert_same_bits(found, serial(task))
    assert found.restarts == 0


@pytest.mark.parametrize("task", TASKS)
def test_episodes_of_so_many_steps_are_those_of_a_shorter_limit_and_the_next_ones_are_whole_again(task):
    asked = questions(task, CANDIDATES, EPISODES)
    with SerialBackend(make_settings(task, 6)) as backend:
        expected = backend.evaluate(*asked)
    with SerialBackend(make_settings(task, TASKS[task]), 3) as backend:
        assert_same_bits(backend.evaluate(*asked, 6), expected)
        assert_same_bits(backend.evaluate(*asked), serial(task))
        assert_same_bits(backend.evaluate(*asked, 1000), serial(task))
    with ProcessesBackend(make_settings(task, TASKS[task]), 1, 2) as backend:
        assert_same_bits(backend.evaluate(*asked, 6), expected)
    assert expected.lengths.max() == 6


def test_boards_that_change_their_size_between_evaluations():
    """Big, small, big, and the first again: evaluations of one policy follow those of a population."""
    asked = [questions(WALK, *shape, seed=i) for i, shape in enumerate([(30, 3), (1, 2), (60, 5), (1, 1)])]
    asked.append(asked[0])
    with SerialBackend(make_settings(WALK)) as backend:
        expected = [backend.evaluate(*question) for question in asked]
    with ProcessesBackend(make_settings(WALK), 2, 2) as backend:
        for question, answer in zip(asked, expected, strict=True):
            assert_same_bits(backend.evaluate(*question), answer)
    assert_same_bits(expected[0], expected[-1])


def test_saturation_is_the_fraction_of_actions_at_their_bounds():
    weights, seeds = make_weights(WALK, 2), make_seeds(2, 3)
    still = Moments.empty(3)
    none = weights._replace(output=1e-6 * weights.output)
    every = weights._replace(output=1e6 * weights.output)
    with SerialBackend(make_settings(WALK)) as backend:
        assert backend.evaluate(none, still, seeds).saturated.max() == 0
        assert backend.evaluate(every, still, seeds).saturated.min() == 1
    with SerialBackend(make_settings(WALK, squash="tanh")) as backend:
        assert backend.evaluate(none, still, seeds).saturated.max() == 0
        assert backend.evaluate(every, still, seeds).saturated.min() == 1


def test_pairs_that_share_weights_and_seeds_have_the_same_returns():
    weights, statistics, seeds = questions(WALK, 1, 2)
    twice = type(weights)(*(np.repeat(leaf, 2, axis=0) for leaf in weights))
    with SerialBackend(make_settings(WALK)) as backend:
        found = backend.evaluate(twice, statistics, np.repeat(seeds, 2, axis=0))
    np.testing.assert_array_equal(found.returns[0], found.returns[1])
    assert found.returns[0, 0] != found.returns[0, 1]


@pytest.mark.parametrize(
    ("name", "workers", "kind"),
    [("serial", 3, SerialBackend), ("auto", 1, SerialBackend), ("auto", 2, ProcessesBackend)],
)
def test_make_backend_takes_what_the_name_says(name, workers, kind):
    with make_backend(RolloutsConfig(backend=name, workers=workers), make_settings(WALK)) as backend:
        assert isinstance(backend, kind)


def test_processes_have_a_worker_for_each_core_by_default():
    with make_backend(RolloutsConfig(backend="processes"), make_settings(WALK)) as backend:
        assert isinstance(backend, ProcessesBackend)
        assert len(backend.workers) == available_cores()
