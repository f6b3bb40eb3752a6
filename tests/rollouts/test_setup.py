"""Options of environments and wrappers around them, wherever episodes run; what does not suit is one line."""

import logging
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import odd_wrappers
import pytest
from gymnasium.spaces import Box
from rollout_cases import WALK, ask_processes, assert_same_bits, make_seeds, make_weights, questions
from rollout_cases import settings as make_settings

from odes_rl.act.linear import LinearWeights
from odes_rl.errors import UserError
from odes_rl.rollouts.backends import BACKENDS
from odes_rl.rollouts.cautions import warn_of_own_step
from odes_rl.rollouts.environments import describe_task, make_environment
from odes_rl.rollouts.episodes import Lane
from odes_rl.rollouts.lanes import make_lanes
from odes_rl.rollouts.native.finding import KEPT, native_simulation, obstacle
from odes_rl.rollouts.native.lane import NativeLane
from odes_rl.rollouts.options import fitted
from odes_rl.rollouts.processes import ProcessesBackend
from odes_rl.rollouts.protocol import Moments
from odes_rl.rollouts.recording import record_episode
from odes_rl.rollouts.serial import SerialBackend
from odes_rl.rollouts.setup import Setup, Wrap
from odes_rl.rollouts.wrappers import WRAPPERS
from tests.rollouts.test_native import native_lane, roll_out

NOISY = Setup(wrappers=(Wrap("odd_wrappers:Noisy", {"scale": 0.3}), Wrap("ClipReward", {"max_reward": 1.5})))
PLAIN = {
    "ClipReward": {"max_reward": -1.0},
    "DelayObservation": {"delay": 2},
    "DiscretizeAction": {"bins": 3},
    "DiscretizeObservation": {"bins": [2, 2, 2]},
    "DtypeObservation": {"dtype": "float32"},
    "FilterObservation": None,  # of a Dict; below
    "FrameStackObservation": {"stack_size": 3},
    "MaxAndSkipObservation": {"skip": 2},
    "RepeatAction": {"num_repeats": 2},
    "RescaleAction": {"min_action": [-2.0], "max_action": [2.0]},
    "RescaleObservation": {"min_obs": -1.0, "max_obs": 1.0},
    "ReshapeObservation": {"shape": [3, 1]},
    "StickyAction": {"repeat_action_probability": 0.5},
    "TimeLimit": {"max_episode_steps": 4},
}
"""What each of Gymnasium's wrappers is given around a pendulum; nothing, if it is not here."""


@pytest.mark.parametrize("name", WRAPPERS)
def test_every_wrapper_wraps(name):
    task = "Pendulum-v1"
    options = PLAIN.get(name, {})
    if options is None:
        task, options = "dm_control/cartpole-swingup-v0", {"filter_keys": ["position"]}
    assert describe_task(task, setup=Setup(wrappers=(Wrap(name, options),))).observation_size > 0


@pytest.mark.parametrize("backend", [SerialBackend, partial(ProcessesBackend, workers=1)], ids=["serial", "processes"])
def test_a_wrapper_may_need_the_limit_that_the_task_is_given(backend):
    aware = Setup(wrappers=(Wrap("TimeAwareObservation", {}),))
    sizes = describe_task(WALK, setup=aware, max_steps=4)
    assert sizes.observation_size == 4
    limited = make_settings(WALK, 4)._replace(act_rule="linear", setup=aware)
    weights = LinearWeights(np.ones((1, sizes.action_size, 4), np.float32))
    with backend(limited) as made:
        found = made.evaluate(weights, Moments.empty(4), make_seeds(1, 1))
    assert found.lengths.item() == 4


def test_wrappers_that_a_task_brings_along_are_not_blamed_on_its_setup():
    environment = gymnasium.wrappers.ClipAction(make_environment("Hopper-v5"))
    setup = Setup({"frame_skip": 4})
    assert obstacle(environment, setup) is None
    assert native_simulation(environment, setup) is None
    environment.close()


def test_wrappers_are_applied_in_their_order():
    setup = Setup(wrappers=(Wrap("FrameStackObservation", {"stack_size": 2}), Wrap("odd_wrappers:cut", {"steps": 3})))
    environment = make_environment("HalfCheetah-v5", 9, setup)
    assert isinstance(environment, gymnasium.wrappers.TimeLimit)
    assert isinstance(environment.env, gymnasium.wrappers.FrameStackObservation)
    assert environment.observation_space.shape == (2, 17)
    environment.close()


def test_options_reach_environments_of_all_kinds():
    cheetah: object = make_environment("HalfCheetah-v5", setup=Setup({"forward_reward_weight": 2.5})).unwrapped
    assert cheetah._forward_reward_weight == 2.5  # type: ignore[attr-defined]
    of_suite = Setup({"task_kwargs": {"time_limit": 1}, "environment_kwargs": {"flat_observation": True}})
    suite = make_environment("dm_control/cheetah-run-v0", setup=of_suite)
    assert list(suite.observation_space) == ["observations"]  # type: ignore[call-overload]
    assert suite.unwrapped._env._step_limit == 100  # type: ignore[attr-defined]
    named = make_environment("faulty_environments:Walk", setup=Setup({"fault": "offset"})).unwrapped
    assert named.fault == "offset"  # type: ignore[attr-defined]


def test_lists_become_what_signatures_name():
    def maker(a: "tuple[int, int]", b: "float | np.ndarray", c: list[int], d: float = 0.0): ...

    found = fitted(maker, {"a": [1, 2], "b": [1.0], "c": [3], "d": 1.0, "e": [4]})
    assert isinstance(found["b"], np.ndarray)
    assert {**found, "b": None} == {"a": (1, 2), "b": None, "c": [3], "d": 1.0, "e": [4]}


def test_wrapped_episodes_have_the_same_bits_everywhere():
    asked, settings = questions(WALK, 6, 2), make_settings(WALK)._replace(setup=NOISY)
    with SerialBackend(settings, lanes=2) as backend:
        expected = backend.evaluate(*asked)
    with SerialBackend(make_settings(WALK)) as backend:
        assert (backend.evaluate(*asked).returns != expected.returns).any()
    assert_same_bits(ask_processes(settings, 2, 1, asked), expected)
    weights = type(asked[0])(*(leaf[:1] for leaf in asked[0]))
    recording = record_episode(settings, weights, asked[1], int(asked[2][0, 0]))
    assert recording.total == expected.returns[0, 0]


def test_actions_have_the_shape_of_their_space():
    asked = questions(WALK, 3, 1)
    settings = make_settings(WALK)._replace(setup=Setup(wrappers=(Wrap("odd_wrappers:Plates", {}),)))
    with SerialBackend(settings) as shaped, SerialBackend(make_settings(WALK)) as flat:
        assert_same_bits(shaped.evaluate(*asked), flat.evaluate(*asked))


def wraps(name, **options):
    return Setup(wrappers=(Wrap(name, options),))


@pytest.mark.parametrize(
    ("task", "setup", "message"),
    [
        ("HalfCheetah-v5", Setup({"frame_skp": 2}), r"task\.options\.frame_skp: .*did you mean 'frame_skip'\? valid"),
        ("HalfCheetah-v5", Setup({"frame_skip": 0}), r"cannot be made with {'frame_skip': 0}: ZeroDivisionError"),
        ("HalfCheetah-v5", Setup({"max_episode_steps": 3}), r"max_episode_steps is no option .*: set task\.max_steps"),
        ("HalfCheetah-v5", Setup({"xml_file": "no.xml"}), r"task\.options: .* cannot be made with {'xml_file'"),
        ("dm_control/cheetah-run-v0", Setup({"random": 2}), "did you mean 'task_kwargs.random'"),
        (
            "dm_control/cheetah-run-v0",
            Setup({"environment_kwargs": {"n_sub_step": 2}}),
            "did you mean 'environment_kwargs.n_sub_steps'",
        ),
        ("faulty_environments:Walk", Setup({"falt": 2}), "did you mean 'fault'"),
        ("faulty_environments:Walk", Setup({"fault": "step"}), r"with options fault fails: RuntimeError: step went"),
        (WALK, wraps("Clip"), "unknown wrapper 'Clip'"),
        (WALK, wraps("no_such_module:Clip"), "the module 'no_such_module' cannot be imported"),
        (WALK, wraps("odd_wrappers:Nosy"), "has no 'Nosy'; did you mean 'Noisy'"),
        (
            WALK,
            wraps("odd_wrappers:Noisy", scal=1),
            r"task\.wrappers\.odd_wrappers:Noisy\.scal: .*did you mean 'scale'",
        ),
        (WALK, wraps("FrameStackObservation"), "does not wrap .*missing 1 required positional argument: 'stack_size'"),
        (WALK, wraps("odd_wrappers:Failing", where="init"), r"RuntimeError: wrapping went wrong \(.*odd_wrappers\.py"),
        (WALK, wraps("odd_wrappers:Failing", where="reset"), "in odd_wrappers:Failing fails: RuntimeError: reset went"),
        (WALK, wraps("odd_wrappers:Failing"), "in odd_wrappers:Failing fails: RuntimeError: step went"),
        (WALK, wraps("odd_wrappers:Longer"), "fails: ValueError: an observation has 4 entries, its space 3"),
        (WALK, wraps("odd_wrappers:nothing"), "returned a NoneType, but must return an environment"),
        (WALK, wraps("odd_wrappers:Keeping"), "does not repeat an episode with the same seed"),
        ("Pendulum-v1", wraps("gymnasium.wrappers:NormalizeObservation"), "does not repeat an episode"),
        ("Pendulum-v1", wraps("ReshapeObservation", shape=[2]), "requires the product of the new shape"),
    ],
)
def test_what_does_not_suit_is_one_line_before_anything_begins(task, setup, message):
    with pytest.raises(UserError, match=message) as caught:
        describe_task(task, setup=setup)
    assert "\n" not in str(caught.value)


def test_backends_refuse_what_they_cannot_run(monkeypatch):
    with pytest.raises(UserError, match=r"envpool takes no task\.options and no task\.wrappers; use rollouts\.backend"):
        BACKENDS["envpool"].check("HalfCheetah-v5", Setup({"frame_skip": 2}))
    with pytest.raises(UserError, match="worker processes cannot import the module '__main__' of '__main__:Mine'"):
        BACKENDS["processes"].check("HalfCheetah-v5", wraps("__main__:Mine"))


CHEETAH = {"forward_reward_weight": 2, "ctrl_cost_weight": 0.3, "frame_skip": 3, "reset_noise_scale": 0.2}
FALLING = {"healthy_reward": 2, "healthy_state_range": [-50, 50], "healthy_angle_range": [-0.3, 0.3]}
ANT = {"contact_cost_weight": 0.1, "contact_force_range": [-0.5, 0.5], "main_body": "front_left_leg"}
LEFT_OUT = {f"include_{name}_in_observation": False for name in ("cinert", "cvel", "qfrc_actuator")}
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("HalfCheetah-v5", CHEETAH),
    ("Swimmer-v5", {"exclude_current_positions_from_observation": False}),
    ("Hopper-v5", FALLING),
    ("Walker2d-v5", {"terminate_when_unhealthy": False, "healthy_z_range": [1.0, 1.3]}),
    ("Ant-v5", {**ANT, "include_cfrc_ext_in_observation": False}),
    ("Humanoid-v5", {**LEFT_OUT, "contact_cost_range": [0, 3]}),
    ("HumanoidStandup-v5", {**LEFT_OUT, "uph_cost_weight": 2, "impact_cost_weight": 0.1, "impact_cost_range": [1, 3]}),
    ("Reacher-v5", {"reward_dist_weight": 0.3, "reward_control_weight": 0.7}),
    ("Pusher-v5", {"reward_near_weight": 0.3}),
    ("InvertedDoublePendulum-v5", {"healthy_reward": 3}),
    ("dm_control/cheetah-run-v0", {"environment_kwargs": {"n_sub_steps": 3}}),
    (
        "dm_control/cheetah-run-v0",
        {"task_kwargs": {"random": 3, "time_limit": 0.5}, "environment_kwargs": {"control_timestep": 0.02}},
    ),
    ("dm_control/swimmer-swimmer6-v0", {"task_kwargs": {"time_limit": 1}}),
    ("dm_control/humanoid-stand-v0", {"task_kwargs": {"time_limit": 1}}),
    ("dm_control/cartpole-three_poles-v0", {"task_kwargs": {"num_poles": 4, "sparse": True}}),
    ("dm_control/manipulator-bring_ball-v0", {"task_kwargs": {"fully_observable": False}}),
    ("dm_control/pendulum-swingup-v0", {"environment_kwargs": {"legacy_step": False}}),
]
"""Every option that native stepping takes over, and other values than its defaults."""


@pytest.mark.parametrize(("task", "options"), OPTIONS)
def test_native_stepping_takes_options_over_to_the_last_bit(task, options):
    settings = make_settings(task, 60)._replace(setup=Setup(options))
    general, native = Lane(settings), native_lane(settings)
    size, weights = general.task.observation_size, make_weights(task, 3)
    entries = np.random.default_rng(0).normal(size=(*weights.input.shape[:2], size))
    weights = weights._replace(input=(0.1 * entries).astype(np.float32))
    asked = weights, Moments(np.asarray(100.0), np.zeros(size), np.full(size, 90.0)), make_seeds(3, 2)
    assert_same_bits(roll_out(native, asked), roll_out(general, asked))


def test_every_option_that_is_taken_over_is_tested():
    assert {name for _, options in OPTIONS for name in Setup(options).option_names} == KEPT


@pytest.mark.parametrize(
    ("setup", "why"),
    [
        (Setup({"frame_skip": 3}), None),
        (wraps("TimeLimit", max_episode_steps=7), None),
        (Setup({"frame_skip": 3, "width": 64}), "task.options (width)"),
        (wraps("ClipReward", max_reward=1.0), "task.wrappers (ClipReward)"),
    ],
)
def test_what_keeps_a_task_from_native_stepping_is_told(setup, why, caplog):
    settings = make_settings("HalfCheetah-v5", 5)._replace(setup=setup)
    (lane,) = make_lanes(settings, 1)
    assert isinstance(lane, NativeLane) == (why is None)
    with caplog.at_level(logging.WARNING):
        warn_of_own_step("HalfCheetah-v5", setup, None)
        warn_of_own_step("Pendulum-v1", wraps("ClipAction"), None)
    told = [record.getMessage() for record in caplog.records]
    slower = "HalfCheetah-v5: the environment's own step is used, which is slower than native stepping"
    assert told == ([] if why is None else [f"{slower}: {why}"])


def test_a_wrapper_may_make_spaces_that_suit():
    box = make_environment(WALK, setup=wraps("odd_wrappers:Plates")).action_space
    assert isinstance(box, Box)
    assert box.shape == (2, 1)
    assert isinstance(make_environment(WALK, setup=NOISY).env, odd_wrappers.Noisy)  # type: ignore[attr-defined]
