"""Batches answered in one compiled call do to the last bit what lanes do."""

import gymnasium
import numpy as np
import pytest
from rollout_cases import assert_same_bits, questions
from rollout_cases import settings as make_settings

from odes_rl.act import find_rule
from odes_rl.act.bounds import SQUASHES
from odes_rl.rollouts.batches import Batch, compile_answer, start
from odes_rl.rollouts.board import layout_of
from odes_rl.rollouts.environments import describe, make_environment
from odes_rl.rollouts.flattening import flattener
from odes_rl.rollouts.serial import SerialBackend

TASK, STEPS = "Hopper-v5", 25
IDLE = 2
"""An environment of the pool that has no unit, and of which batches tell nevertheless."""


class PlainPool:
    """Gymnasium environments, one a unit and an idle one, which tell all at once in an order of their own."""

    def __init__(self, board):
        self.units = np.insert(np.arange(board.seeds.size), IDLE, -1)
        self.environments: list[gymnasium.Env] = [make_environment(TASK, STEPS) for _ in self.units]
        self.flatten = flattener(self.environments[0].observation_space)
        self.told = []
        for identity, environment in enumerate(self.environments):
            unit = self.units[identity]
            seed = 0 if unit < 0 else int(board.seeds.reshape(-1)[unit])
            # The reward of a reset belongs to no step.
            self.told.append((identity, self.flatten(environment.reset(seed=seed)[0]), 1e6, True, False))

    def batch(self):
        ids, observations, rewards, first, over = zip(*self.told[::-1], strict=True)
        return Batch(
            np.array(ids, np.int32), np.array(observations), np.array(rewards), np.array(first), np.array(over)
        )

    def step(self, ids, actions):
        self.told = []
        for identity, action in zip(ids, actions, strict=True):
            environment = self.environments[identity]
            observation, reward, terminated, truncated, _ = environment.step(action.astype(np.float32))
            self.told.append((identity, self.flatten(observation), float(reward), False, terminated or truncated))


def run_in_batches(settings, asked, steps=None):
    weights, statistics, seeds = asked
    layout = layout_of(weights, statistics, seeds)
    board = layout.place(bytearray(layout.size()))
    board.post(weights, statistics, seeds, steps)
    for unit in range(board.seeds.size):
        board.sums.reshape(board.seeds.size, -1)[unit] = np.nan  # left by an earlier generation
        start(board, unit)
    pool, answer = PlainPool(board), compile_answer(settings.act_rule)
    task = describe(pool.environments[0])
    while pool.told:
        batch = pool.batch()
        actions = np.empty((batch.ids.size, task.action_size))
        goes_on = np.empty(batch.ids.size, np.bool_)
        bounds = SQUASHES.index(settings.squash), task.low, task.high
        answer(board, pool.units, batch, settings.clip, *bounds, actions, goes_on)
        pool.step(batch.ids[goes_on], actions[goes_on])
    return board, board.rollouts(task.action_size, 0)


@pytest.mark.parametrize("squash", SQUASHES)
def test_batches_give_the_bits_of_lanes(squash):
    asked = questions(TASK, 3, 2)
    asked[0].output[1] = np.inf  # a candidate that fails
    settings = make_settings(TASK, STEPS, squash)._replace(clip=0.3)
    if squash == "tanh":  # with a linear path
        settings, path = settings._replace(act_rule=f"{settings.act_rule} + path"), 0.1 * asked[0].input[:, :3]
        weights = find_rule(settings.act_rule).weights(*asked[0], path, path[..., 0])
        asked = (weights, *asked[1:])
    with SerialBackend(settings) as backend:
        expected = backend.evaluate(*asked)
    board, found = run_in_batches(settings, asked)
    assert_same_bits(found, expected)
    assert board.done.all()
    assert found.failed.tolist() == [[False] * 2, [True] * 2, [False] * 2]
    assert len(np.unique(found.lengths)) > 2
    _, short = run_in_batches(settings, asked, 3)
    assert short.lengths.max() == 3
    with SerialBackend(settings) as backend:
        assert_same_bits(short, backend.evaluate(*asked, 3))
