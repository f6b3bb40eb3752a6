"""What the Ray backend does, without a cluster: batches, the queue, and an actor in this process."""

import numpy as np
import pytest
from rollout_cases import WALK, assert_same_bits, questions
from rollout_cases import settings as make_settings

from odes_rl.rollouts.board import layout_of
from odes_rl.rollouts.cluster.actor import Answers, EpisodeActor
from odes_rl.rollouts.cluster.blocks import candidates_a_block, split
from odes_rl.rollouts.cluster.units import UnitQueue, batch_size
from odes_rl.rollouts.protocol import EnvironmentFailure, Request
from odes_rl.rollouts.serial import SerialBackend


@pytest.mark.parametrize(
    ("left", "total", "actors", "unit_seconds", "size"),
    [
        (200, 200, 2, 0.0, 50),  # half of an even share
        (7, 200, 2, 0.5, 1),
        (1, 1000, 1000, 0.5, 1),
        (1000, 1000, 1000, 1e-6, 1),  # one each, however short
        (6400, 6400, 640, 0.01, 10),  # a turn of the trainer is 0.64 s, 64 units long: an even share is all there is
        (10, 6400, 640, 0.01, 10),
        (64_000, 64_000, 640, 0.01, 64),
        (1600, 6400, 640, 0.3, 3),
        (1600, 6400, 640, 1.0, 1),
    ],
)
def test_batches_are_half_an_even_share_or_a_turn_long(left, total, actors, unit_seconds, size):
    assert batch_size(left, total, actors, unit_seconds) == size


def test_batches_shrink_and_the_last_ones_are_single_units():
    left, sizes = 200, []
    while left:
        sizes.append(batch_size(left, 200, 4, 0.1))
        left -= sizes[-1]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 25
    assert sizes[-8:] == [1] * 8


def test_the_queue_hands_out_every_unit_once_and_what_comes_back_one_at_a_time():
    queue = UnitQueue(10)
    np.testing.assert_array_equal(queue.take(4), [0, 1, 2, 3])
    queue.give_back(np.array([1, 3]))
    assert len(queue) == 8
    assert [queue.take(5).tolist() for _ in range(4)] == [[1], [3], [4, 5, 6, 7, 8], [9]]
    assert not queue


@pytest.mark.parametrize(
    ("candidates", "actors", "size"), [(200, 2, 25), (1, 640, 1), (640, 640, 1), (10_000, 10, 250)]
)
def test_blocks_are_a_few_for_each_actor(candidates, actors, size):
    assert candidates_a_block(candidates, actors) == size


@pytest.mark.parametrize("block_size", [1, 2, 5])
@pytest.mark.parametrize("lanes", [1, 3])
def test_an_actor_gives_the_bits_of_serial_from_blocks_that_cannot_be_written(block_size, lanes):
    asked, settings, steps = questions(WALK, 5, 3), make_settings(WALK), 2 if lanes == 1 else None
    with SerialBackend(settings) as backend:
        expected = backend.evaluate(*asked, steps)
    layout = layout_of((), *asked[1:])
    board = layout.place(bytearray(layout.size()))
    board.post((), *asked[1:])
    blocks = list(split(Request(*asked, steps), block_size))
    for block in blocks:
        for leaf in (*block.weights, block.seeds):
            leaf.flags.writeable = False
    actor = EpisodeActor(tuple(settings), lanes)
    actor.ready()
    for units in (np.array([14, 0, 7]), np.array([1, 2, 3, 4, 5, 6]), np.array([13]), np.arange(8, 13)):
        needed = np.unique(units // 3 // block_size)
        answers = actor.run(units, *(blocks[i] for i in needed))
        assert isinstance(answers, Answers)
        assert answers.seconds > 0
        answers.write(board, units)
    assert board.done.all()
    assert_same_bits(board.rollouts(2, restarts=0), expected)


def test_an_actor_answers_with_the_message_of_an_environments_failure():
    asked, settings = questions(WALK, 1, 1), make_settings("faulty_environments:RaisingInStep-v0")
    actor = EpisodeActor(tuple(settings), 1)
    actor.ready()
    message = actor.run(np.array([0]), *split(Request(*asked), 1))
    assert isinstance(message, str)
    with SerialBackend(settings) as backend, pytest.raises(EnvironmentFailure) as caught:
        backend.evaluate(*asked)
    assert message.splitlines()[0] == str(caught.value).splitlines()[0]
    assert "step went wrong" in message
