"""Descriptions of tasks: to the last bit what the environments compute."""

from functools import cache
from typing import Any

import gymnasium
import numpy as np
import pytest
import shimmy  # noqa: F401 - registers DM Control's tasks
from dm_control.utils import rewards
from rollout_cases import assert_same_bits, make_seeds, make_statistics, make_weights
from rollout_cases import settings as make_settings

from odes_rl.rollouts.environments import make_environment
from odes_rl.rollouts.episodes import Lane
from odes_rl.rollouts.native.finding import native_simulation, native_steps, own_steps
from odes_rl.rollouts.physics.description import Part, Place, joined, size
from odes_rl.rollouts.physics.finding import class_name, describe_physics, unwrap
from odes_rl.rollouts.physics.of_dm_control.tasks import DM_CONTROL_TASKS
from odes_rl.rollouts.physics.of_gymnasium.tasks import GYMNASIUM_TASKS
from odes_rl.rollouts.physics.words import NUMPY
from tests.rollouts.test_native import native_lane, roll_out

pytestmark = pytest.mark.filterwarnings("ignore")
GYMNASIUM = (
    *("Swimmer-v5", "HalfCheetah-v5", "Hopper-v5", "Walker2d-v5", "Ant-v5", "Humanoid-v5", "HumanoidStandup-v5"),
    *("Reacher-v5", "Pusher-v5", "InvertedPendulum-v5", "InvertedDoublePendulum-v5"),
)
UNDESCRIBED = ("dog-fetch", "lqr-lqr_2_1", "lqr-lqr_6_2")
"""Tasks of DM Control's suite that observe what is no part of MuJoCo's data, or end by it."""
ONE_EACH = (
    *("acrobot-swingup", "ball_in_cup-catch", "cartpole-two_poles", "cartpole-swingup_sparse", "cheetah-run"),
    *("dog-stand", "dog-run", "finger-spin", "finger-turn_hard", "fish-upright", "fish-swim", "hopper-stand"),
    *("hopper-hop", "humanoid-stand", "humanoid-run_pure_state", "humanoid_CMU-run", "manipulator-bring_ball"),
    *("manipulator-insert_peg", "pendulum-swingup", "point_mass-hard", "quadruped-walk", "quadruped-escape"),
    *("quadruped-fetch", "reacher-hard", "stacker-stack_2", "swimmer-swimmer6", "walker-stand", "walker-run"),
)
"""Of DM Control's suite, a task of each branch of a description."""
SEEN_ALONE = ("light_pos", "site_rgba", "geom_rgba")
"""Fields of mjModel that neither physics nor observations read."""


def task_of(name):
    return f"dm_control/{name}-v0"


TASKS = [*GYMNASIUM, *map(task_of, ONE_EACH)]


@cache
def environment_of(task):
    return make_environment(task)


@cache
def simulation_of(task):
    simulation = native_simulation(environment_of(task))
    assert simulation is not None, task
    return simulation


def draw_actions(task, seed, steps, held=1):
    """Random actions [steps, m], each of them held for some steps."""
    space: Any = environment_of(task).action_space
    low, high = np.maximum(space.low, -1), np.minimum(space.high, 1)
    draws = np.random.default_rng(seed).uniform(low, high, (-(-steps // held), *space.shape))
    return draws.repeat(held, axis=0)[:steps].astype(space.dtype)


def assert_same_steps(environment, task, actions, seed):
    """Compare native steps with the environment's own, to the end of its episode; return what these are."""
    mine = native_steps(environment, simulation_of(task), actions, seed)
    theirs = own_steps(environment, actions, seed)
    until = 1 + np.argmax(theirs.ends) if theirs.ends.any() else len(actions)
    np.testing.assert_array_equal(mine.observations[: until + 1], theirs.observations[: until + 1])
    np.testing.assert_array_equal(mine.rewards[:until], theirs.rewards[:until])
    np.testing.assert_array_equal(mine.ends[:until], theirs.ends[:until])
    return theirs


@pytest.mark.parametrize("task", TASKS)
def test_every_observation_reward_and_end_has_the_same_bits(task):
    for seed, size_of_actions in ((0, 1.0), (1, 0.3)):
        actions = size_of_actions * draw_actions(task, seed, 24, held=6)
        assert_same_steps(environment_of(task), task, actions.astype(environment_of(task).action_space.dtype), seed)


class Placed(gymnasium.Wrapper):
    """Resets to a state near which the reward, which is 0 elsewhere, is not."""

    def __init__(self, environment, place):
        super().__init__(environment)
        self.place = place

    def reset(self, **options):
        _, information = self.env.reset(**options)
        inner: Any = self.env.unwrapped
        physics, task = inner._env.physics, inner._env.task
        self.place(physics)
        physics.forward()
        return task.get_observation(physics), information


def at_rest(physics):
    physics.data.qpos[:] = 0
    physics.data.qvel[:] = 0


def in_the_cup(physics):
    named = physics.named.data
    named.qpos[["ball_x", "ball_z"]] += named.site_xpos["target", ["x", "z"]] - named.xpos["ball", ["x", "z"]]


def spinning(physics):
    physics.named.data.qvel["hinge"] = -20


def on_target(physics):
    physics.named.model.geom_pos["target"] = physics.named.data.geom_xpos["finger"]


def hinge_on_target(physics):
    physics.named.data.qpos["hinge"] = 0
    physics.forward()
    named = physics.named
    named.model.site_pos["target", ["x", "z"]] = named.data.site_xpos["tip", ["x", "z"]]


PLACES = {
    "acrobot-swingup_sparse": at_rest,
    "ball_in_cup-catch": in_the_cup,
    "cartpole-swingup_sparse": at_rest,
    "finger-spin": spinning,
    "finger-turn_hard": hinge_on_target,
    "hopper-stand": at_rest,
    "pendulum-swingup": at_rest,
    "point_mass-hard": at_rest,
    "reacher-hard": on_target,
}


@pytest.mark.parametrize("name", PLACES)
def test_rewards_that_are_seldom_given_have_the_same_bits(name):
    task = task_of(name)
    actions = 0.1 * draw_actions(task, 0, 20)
    found = assert_same_steps(Placed(environment_of(task), PLACES[name]), task, actions, seed=0)
    assert found.rewards.max() > 0.5


@pytest.mark.parametrize("task", TASKS)
def test_what_a_reset_draws_of_the_model_is_described(task):
    """What steps the task on a device has to take these from each reset, and no others."""
    environment, (description, model, _) = environment_of(task), simulation_of(task)

    def fields():
        arrays = {name: getattr(model, name) for name in dir(model) if not name.startswith("_")}
        return {name: array.copy() for name, array in arrays.items() if isinstance(array, np.ndarray)}

    environment.reset(seed=1)
    first = fields()
    environment.reset(seed=2)
    changed = {name for name, array in fields().items() if not np.array_equal(array, first[name], equal_nan=True)}
    assert changed - set(SEEN_ALONE) == set(description.varied)


def test_every_described_task_is_tested():
    assert {class_name(unwrap(environment_of(task))[1]) for task in GYMNASIUM} == set(GYMNASIUM_TASKS)
    controls = [unwrap(environment_of(task_of(name)))[1]._env for name in ONE_EACH]
    assert {class_name(control.task) for control in controls} == set(DM_CONTROL_TASKS)


def test_limits_of_a_task_and_of_wrappers_are_described():
    found = describe_physics(gymnasium.wrappers.TimeLimit(environment_of("Reacher-v5"), 7))
    assert found is not None
    assert found.description.limit == 7
    assert simulation_of("Reacher-v5").description.limit == 50
    assert simulation_of("dm_control/cheetah-run-v0").description.limit == 1000
    assert describe_physics(make_environment("Pendulum-v1")) is None


def test_parts_that_lie_one_behind_the_other_become_one():
    turned = Part("xpos", 3, 6, frame=Place("xmat", 0))
    parts = [Part("qpos", 0, 1), Part("qpos", 1, 3), Part("qvel", 3, 4), Part("qvel", 4, 5, function="sin"), turned]
    parts.append(turned._replace(start=6, stop=9))
    assert joined(parts) == [Part("qpos", 0, 3), *parts[2:]]
    assert size(joined(parts)) == size(parts) == 11


@pytest.mark.parametrize(
    ("sigmoid", "bounds", "margin"), [("long_tail", (0, 0.1), 0.5), ("gaussian", (1.4, np.inf), 0.35)]
)
def test_rewards_of_many_steps_round_as_those_of_one(sigmoid, bounds, margin):
    """Here and there an array's square and a number's differ in the last bit: of these, a few."""
    x = np.random.default_rng(0).uniform(-1, 3, 20_000)
    expected = np.array([rewards.tolerance(number, bounds, margin, sigmoid) for number in x])
    np.testing.assert_array_equal(NUMPY.tolerance_of_each(x, bounds, margin, sigmoid), expected)
    assert not np.array_equal(rewards.tolerance(x, bounds, margin, sigmoid), expected)


def test_norms_of_many_vectors_round_as_those_of_one():
    vectors = np.random.default_rng(0).normal(size=(2000, 7))
    for length in (2, 3, 7):
        expected = [np.linalg.norm(vector) for vector in vectors[:, :length]]
        np.testing.assert_array_equal(NUMPY.norm(vectors[:, :length]), expected)


def suite():
    """All described tasks of DM Control's suite, by their ids."""
    domains = {name.partition("-")[0] for name in ONE_EACH}
    names = [task.removeprefix("dm_control/").removesuffix("-v0") for task in gymnasium.registry]
    return [task_of(name) for name in names if name.partition("-")[0] in domains and name not in UNDESCRIBED]


@pytest.mark.slow
@pytest.mark.parametrize("task", [*GYMNASIUM, *suite()])
def test_whole_episodes_have_the_same_bits(task):
    for seed, held in ((11, 1), (12, 8), (13, 50)):
        assert_same_steps(environment_of(task), task, draw_actions(task, seed, 1000, held), seed)
    settings = make_settings(task, 300)
    seeds = make_seeds(3, 2)
    for scale in (0.3, 2.0):
        questions = make_weights(task, 3, scale=scale), make_statistics(task), seeds
        assert_same_bits(roll_out(native_lane(settings), questions), roll_out(Lane(settings), questions))


@pytest.mark.slow
@pytest.mark.parametrize("name", UNDESCRIBED)
def test_tasks_that_are_not_described_go_through_their_own_step(name):
    assert describe_physics(make_environment(task_of(name))) is None
