"""Native stepping: to the last bit what the environments do themselves."""

import os
import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
from rollout_cases import assert_same_bits, make_seeds, make_statistics, make_weights
from rollout_cases import settings as make_settings

from odes_rl.act import ACT_RULES
from odes_rl.rollouts.board import layout_of
from odes_rl.rollouts.environments import make_environment
from odes_rl.rollouts.episodes import Lane, run_units
from odes_rl.rollouts.lanes import make_lanes
from odes_rl.rollouts.native.finding import agrees, native_simulation
from odes_rl.rollouts.native.lane import NativeLane
from odes_rl.rollouts.physics.description import Scheme
from odes_rl.rollouts.recording import record_episode
from tests.act_weights import rule_weights

pytestmark = pytest.mark.filterwarnings("ignore")
TASKS = [
    "Swimmer-v5",
    "HalfCheetah-v5",
    "Hopper-v5",
    "Walker2d-v5",
    "Ant-v5",
    "Humanoid-v5",
    "dm_control/cheetah-run-v0",
    "dm_control/swimmer-swimmer6-v0",
    "dm_control/swimmer-swimmer15-v0",
    "dm_control/humanoid-stand-v0",
    "dm_control/humanoid-walk-v0",
    "dm_control/humanoid-run_pure_state-v0",
]
"""Tasks whose whole episodes are compared in every run of the tests; test_physics compares steps of all others."""
STEPS, CANDIDATES, EPISODES = 120, 3, 2


def roll_out(lane, questions):
    """Rollouts of one lane, whatever it is."""
    layout = layout_of(*questions)
    board = layout.place(bytearray(layout.size()))
    board.post(*questions)
    run_units([lane], board, lambda: board.claim(worker=0))
    return board.rollouts(lane.task.action_size, restarts=0)


def native_lane(settings):
    (lane,) = make_lanes(settings, 1)
    assert isinstance(lane, NativeLane)
    return lane


def questions_with_falls(task, scale):
    """Still and violent candidates: episodes of many lengths, actions within and beyond their bounds."""
    seeds = make_seeds(CANDIDATES, EPISODES)
    return make_weights(task, CANDIDATES, scale=scale), make_statistics(task), seeds


@pytest.mark.parametrize("squash", ["rescale", "clip", "tanh"])
@pytest.mark.parametrize("task", TASKS)
def test_episodes_are_those_of_the_environments_own_step(task, squash):
    settings = make_settings(task, STEPS, squash)
    general, native = Lane(settings), native_lane(settings)
    for scale in (0.3, 2.0):
        questions = questions_with_falls(task, scale)
        assert_same_bits(roll_out(native, questions), roll_out(general, questions))


OTHER_ACTIVATIONS = ("abs", "relu")  # their kernels are those of tanh but for one call, and take seconds to compile
RULES = [pytest.param(r, marks=pytest.mark.slow) if r.endswith(OTHER_ACTIVATIONS) else r for r in ACT_RULES]


@pytest.mark.parametrize("rule", RULES)
def test_every_act_rule_runs_whole_episodes(rule):
    settings = make_settings("HalfCheetah-v5", 40)._replace(act_rule=rule)
    leaves = [rule_weights(rule, (8, 17, 6, 4), seed) for seed in range(CANDIDATES)]
    weights = ACT_RULES[rule].weights(*(np.stack(candidates) for candidates in zip(*leaves, strict=True)))
    questions = weights, make_statistics("HalfCheetah-v5"), make_seeds(CANDIDATES, EPISODES)
    assert_same_bits(roll_out(native_lane(settings), questions), roll_out(Lane(settings), questions))


def test_normalised_observations_are_cut_alike():
    questions = make_weights("HalfCheetah-v5", 1), make_statistics("HalfCheetah-v5"), make_seeds(1, 1)
    cut = make_settings("HalfCheetah-v5", 40)._replace(clip=0.5)
    found = roll_out(native_lane(cut), questions)
    assert_same_bits(found, roll_out(Lane(cut), questions))
    recording = record_episode(cut, *questions[:2], int(questions[2][0, 0]))
    assert recording.total == found.returns.item()
    assert np.abs(recording.observations).max() == 0.5
    assert found.returns != roll_out(native_lane(cut._replace(clip=np.inf)), questions).returns


def test_long_episodes_are_run_in_pieces():
    settings = make_settings("HalfCheetah-v5", 1500)
    questions = make_weights("HalfCheetah-v5", 1), make_statistics("HalfCheetah-v5"), make_seeds(1, 1)
    found = roll_out(native_lane(settings), questions)
    assert found.lengths.tolist() == [[1500]]
    assert_same_bits(found, roll_out(Lane(settings), questions))


def test_a_candidate_whose_action_is_not_finite_fails():
    weights = make_weights("Swimmer-v5", 2)
    weights.output[0] = np.nan
    questions = weights, make_statistics("Swimmer-v5"), make_seeds(2, 1)
    settings = make_settings("Swimmer-v5", 30)
    found = roll_out(native_lane(settings), questions)
    assert found.failed.tolist() == [[True], [False]]
    assert_same_bits(found, roll_out(Lane(settings), questions))


class Wild(gymnasium.Wrapper):
    """Resets to velocities that no physics survives."""

    def reset(self, **options):
        _, information = self.env.reset(**options)
        inner: Any = self.env.unwrapped
        if hasattr(inner, "data"):
            inner.data.qvel[:] = 1e12
            return inner._get_obs(), information
        control = inner._env
        control.physics.data.qvel[:] = 1e12
        return control.task.get_observation(control.physics), information


@pytest.mark.parametrize(
    ("task", "failed"), [("HalfCheetah-v5", False), ("dm_control/cheetah-run-v0", True), ("Hopper-v5", False)]
)
def test_diverged_physics_ends_as_in_the_environment(task, failed):
    settings = make_settings(task, 20)
    general, native = Lane(settings), native_lane(settings)
    for lane in (general, native.lane):
        lane.environment = Wild(lane.environment)
    questions = make_weights(task, 1), make_statistics(task), make_seeds(1, 1)
    found = roll_out(native, questions)
    assert found.failed.tolist() == [[failed]]
    assert_same_bits(found, roll_out(general, questions))


class Sweetened(gymnasium.Wrapper):
    """Rewards more than the environment that it wraps."""

    def step(self, action):
        observation, reward, terminated, truncated, information = self.env.step(action)
        return observation, float(reward) + 1e-9, terminated, truncated, information


def test_an_environment_that_is_wrapped_or_unknown_goes_through_its_own_step():
    assert native_simulation(Sweetened(make_environment("HalfCheetah-v5"))) is None
    assert native_simulation(make_environment("HalfCheetah-v4")) is None
    assert native_simulation(make_environment("dm_control/lqr-lqr_2_1-v0")) is None


@pytest.mark.parametrize("task", ["Hopper-v5", "dm_control/humanoid-stand-v0"])
@pytest.mark.parametrize("change", ["reward", "scheme", "observation", "substeps"])
def test_an_environment_that_steps_otherwise_is_not_trusted(task, change):
    environment = make_environment(task)
    right = native_simulation(environment)
    assert right is not None
    described = right.description
    wrong = {
        "reward": {"rewards": lambda *arguments: np.nextafter(described.rewards(*arguments), np.inf)},
        "scheme": {"scheme": Scheme.STEP if described.scheme == Scheme.SPLIT else Scheme.SPLIT},
        "observation": {"observation": described.observation[:-1]},
        "substeps": {"substeps": described.substeps + 1},
    }[change]
    assert agrees(environment, right)
    assert not agrees(environment, right._replace(description=described._replace(**wrong)))


def test_options_of_the_environment_are_kept():
    environment = make_environment("Hopper-v5", terminate_when_unhealthy=False, ctrl_cost_weight=0.5)
    simulation = native_simulation(environment)
    assert simulation is not None
    assert not simulation.description.ends


def test_compiled_episodes_are_kept_for_the_next_process(tmp_path):
    code = (
        "from odes_rl.rollouts.native.mujoco_calls import load_library; load_library()\n"
        "from odes_rl.rollouts.protocol import EpisodeSettings\n"
        "from odes_rl.rollouts.lanes import make_lanes\n"
        "import test_native, rollout_cases as cases\n"
        "lane = test_native.native_lane(cases.settings('Swimmer-v5', 3))\n"
        "test_native.roll_out(lane, cases.questions('Swimmer-v5', 1, 1))\n"
        "stats = lane.episode.stats\n"
        "print('HITS', sum(stats.cache_hits.values()), 'MISSES', sum(stats.cache_misses.values()))\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("NUMBA_CACHE_DIR", None)

    def run():
        process = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        return process.stdout.strip().splitlines()[-1]

    assert run() == "HITS 0 MISSES 1"
    assert run() == "HITS 1 MISSES 0"
