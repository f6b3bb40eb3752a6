"""Actions lie in the environment's own space, in its own type, whatever a policy says and whoever steps."""

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box
from rollout_cases import make_seeds, make_weights
from rollout_cases import settings as make_settings

from odes_rl.errors import UserError
from odes_rl.rollouts.protocol import Moments
from odes_rl.rollouts.recording import record_episode
from odes_rl.rollouts.serial import SerialBackend
from odes_rl.rollouts.spaces import action_bounds, check_spaces
from odes_rl.rollouts.tasks import task_ids

OBSERVATIONS = Box(-1, 1, (3,))


@pytest.mark.parametrize("squash", ["rescale", "clip", "tanh"])
@pytest.mark.parametrize("scale", [1.0, 1e3, 1e30])
@pytest.mark.parametrize("name", ["DoubleBounds", "HalfBounds", "Integers", "WideIntegers"])
def test_an_environment_that_refuses_other_actions_is_given_none(name, scale, squash):
    task = f"odd_environments:{name}-v0"
    settings, weights, seeds = make_settings(task, squash=squash), make_weights(task, 2), make_seeds(2, 2)
    weights = weights._replace(output=weights.output * np.float32(scale))
    with SerialBackend(settings) as backend:
        found = backend.evaluate(weights, Moments.empty(3), seeds)
    assert not found.failed.any()
    first = type(weights)(*(leaf[:1] for leaf in weights))
    assert record_episode(settings, first, Moments.empty(3), int(seeds[0, 0])).total == found.returns[0, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int8, np.int64, np.uint64])
def test_bounds_are_the_spaces_own_or_within(dtype):
    if np.issubdtype(dtype, np.integer):
        space = Box(np.iinfo(dtype).min, np.iinfo(dtype).max, (1,), dtype)
    else:
        space = Box(np.array([-0.1], dtype), np.array([0.7], dtype), dtype=dtype)
    low, high = action_bounds(space)
    assert low.dtype == high.dtype == (np.float32 if dtype == np.float32 else np.float64)
    for bound, own, rest in ((low, space.low, 1), (high, space.high, -1)):
        assert 0 <= rest * (int(bound[0]) - int(own[0])) <= 2**11  # between neighbours of 2⁶³ in float64
        assert space.contains(bound.astype(dtype))


@pytest.mark.parametrize(
    ("space", "word"),
    [(Box(0, 1, (0,)), "no entries in its actions"), (gymnasium.spaces.Text(2), "need a Box of numbers")],
)
def test_actions_that_no_policy_gives_are_refused(space, word):
    with pytest.raises(UserError, match=word):
        check_spaces("mine", OBSERVATIONS, space)


@pytest.mark.parametrize("shape", [(1, 6, 2), (8, 2), (128,)])
def test_matrices_of_positions_are_no_images(shape):
    check_spaces("mine", Box(-1, 1, shape), Box(-1, 1, (2,)))
    check_spaces("mine", Box(0, 255, (128,), np.uint8), Box(-1, 1, (2,)))


def test_tasks_that_observe_images_are_not_listed():
    listed = task_ids()
    assert "dm_control/lift_brick_features-v0" in listed
    assert "dm_control/CmuHumanoidGoToTarget-v0" in listed
    assert not [task for task in listed if "vision" in task or "Rodent" in task or "Forage" in task]


@pytest.mark.slow
def test_every_task_that_is_listed_can_be_described_and_no_other_of_dm_control():
    from odes_rl.rollouts.environments import describe_task

    listed = set(task_ids())
    for task in listed:
        assert describe_task(task).observation_size > 0
    for task in {name for name in gymnasium.registry if name.startswith("dm_control/")} - listed:
        if "compatibility" not in task:
            with pytest.raises(UserError, match="observes images"):
                describe_task(task)
