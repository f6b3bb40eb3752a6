"""Observations are flattened by Gymnasium's own rules, whatever their space, one by one and in batches."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Tuple, flatten
from rollout_cases import make_seeds, make_weights, settings

from odes_rl.errors import UserError
from odes_rl.rollouts.environments import describe_task
from odes_rl.rollouts.flattening import flattener
from odes_rl.rollouts.observing import rows
from odes_rl.rollouts.protocol import Moments
from odes_rl.rollouts.serial import SerialBackend

BOX = Box(-9, 9, (2, 2), np.float64)
LEAVES: dict[str, Space] = {
    "Discrete": Discrete(5, start=-2),
    "MultiDiscrete": MultiDiscrete(np.array([[2, 3], [1, 4]]), start=np.array([[0, 5], [1, -1]])),
    "MultiBinary": MultiBinary((2, 3)),
    "Box": BOX,
}
SPACES = LEAVES | {
    "Tuple": Tuple((Discrete(3), BOX, MultiBinary(2))),
    "Tuple of Boxes": Tuple((BOX, Box(-1, 1, (), np.float64))),
    "nested": Dict({"b": Tuple((BOX, Dict({"z": Discrete(2), "a": BOX}))), "a": MultiDiscrete([3, 2])}),
    "one": Tuple((Discrete(4),)),
}


def stacked(observations):
    """The observations as a batch: with one more axis in every array."""
    first = observations[0]
    if isinstance(first, dict):
        return {name: stacked([each[name] for each in observations]) for name in first}
    if isinstance(first, tuple):
        return tuple(stacked(list(entries)) for entries in zip(*observations, strict=True))
    return np.array(observations)


def test_choices_may_be_unsigned():
    """Gymnasium's flatten fails on them."""
    space = MultiDiscrete(np.array([3, 4], np.uint64), dtype=np.uint64)
    for whole, sample in ((space, space.nvec - 2), (Dict({"a": space}), {"a": space.nvec - 2})):
        expected = [0, 1, 0, 0, 0, 1, 0]
        np.testing.assert_array_equal(flattener(whole)(sample), expected)
        np.testing.assert_array_equal(rows(whole, sample), expected)


@pytest.mark.parametrize("name", SPACES)
def test_observations_of_every_space_become_rows(name):
    space = SPACES[name]
    space.seed(3)
    samples = [space.sample() for _ in range(7)]
    expected = np.array([flatten(space, sample) for sample in samples], np.float64)
    flattened = flattener(space)
    np.testing.assert_array_equal([flattened(sample) for sample in samples], expected)
    np.testing.assert_array_equal([rows(space, sample) for sample in samples], expected)
    np.testing.assert_array_equal(rows(space, stacked(samples)), expected)
    for flat in (expected, expected[0]):
        np.testing.assert_array_equal(rows(space, flat), flat)


@pytest.mark.parametrize(
    ("space", "observation", "message"),
    [
        (Discrete(3), 3, r"an observation is 3, which is not in Discrete\(3\)"),
        (Discrete(3, start=2), 1, "an observation is 1, which is not in"),
        (MultiDiscrete([2, 2]), [0, -1], "which is not in"),
        (MultiDiscrete([2, 2]), [0, 1, 1], "which is not in"),
        (Tuple((BOX, Discrete(2))), (np.zeros(4),), "lacks entries of its space"),
        (Dict({"a": Discrete(2)}), {"b": 1}, "lacks the entry 'a' of its space"),
        (BOX, np.zeros(3), "an observation has 3 entries, its space 4"),
    ],
)
def test_what_is_not_of_the_space_is_told(space, observation, message):
    with pytest.raises(ValueError, match=message):
        flattener(space)(observation)
    with pytest.raises(UserError):
        rows(space, observation)


@pytest.mark.parametrize(("task", "size"), [("FrozenLake-v1", 16), ("Blackjack-v1", 32 + 11 + 2), ("Taxi-v4", 500)])
def test_tasks_that_observe_choices_are_played(task, size):
    assert describe_task(task).observation_size == size
    with SerialBackend(settings(task, 10)) as backend:
        found = backend.evaluate(make_weights(task, 2), Moments.empty(size), make_seeds(2, 2))
    assert not found.failed.any()
    assert sum(moments.mean.sum() for moments in found.moments) == pytest.approx(2 * (3 if size == 45 else 1))
