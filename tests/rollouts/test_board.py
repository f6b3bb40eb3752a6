"""The board: where its arrays lie, who claims which unit, and what is read off it."""

import mmap

import numpy as np
import pytest

from odes_rl.act.linear import LinearWeights
from odes_rl.rollouts.board import PENDING, Layout, layout_of
from odes_rl.rollouts.protocol import Moments

LAYOUT = Layout(candidates=3, episodes=2, observation_size=5, weights=((3, 7), (3, 2, 1)))


def make_board(layout=LAYOUT):
    return layout.place(bytearray(layout.size()))


def post(board, seed=0):
    generator = np.random.default_rng(seed)
    weights = [generator.normal(size=view.shape).astype(np.float32) for view in board.weights]
    seeds = generator.integers(0, 2**31, board.seeds.shape)
    board.post(weights, Moments(np.asarray(4.0), np.arange(5.0), 4.0 * np.ones(5)), seeds)
    return weights, seeds


@pytest.mark.parametrize("layout", [LAYOUT, Layout(1, 1, 1, ((1, 1),)), Layout(7, 3, 348, ((7, 64, 348), (7, 1)))])
def test_arrays_are_aligned_contiguous_and_apart(layout):
    buffer = mmap.mmap(-1, layout.size())
    board = layout.place(buffer)
    start = np.frombuffer(buffer, np.uint8).__array_interface__["data"][0]
    arrays = [*board.weights, *(getattr(board, name) for name in layout.arrays())]
    ends = [0]
    for array in arrays:
        offset = array.__array_interface__["data"][0] - start
        assert offset % 64 == 0
        assert array.flags.c_contiguous
        assert offset >= ends[-1]
        ends.append(offset + array.nbytes)
    assert ends[-1] <= layout.size()
    assert all(view.dtype == np.float32 for view in board.weights)
    assert {name: getattr(board, name).shape for name in layout.arrays()} == {
        name: shape for name, (_, shape) in layout.arrays().items()
    }


def test_the_size_does_not_depend_on_steps_and_the_layout_comes_from_the_arrays():
    weights = LinearWeights(np.zeros((4, 2, 3), np.float32))
    layout = layout_of(weights, Moments.empty(3), np.zeros((4, 6), np.int64))
    assert layout == Layout(4, 6, 3, ((4, 2, 3),))
    assert layout.size() < 64 * (4 * 2 * 3 + 10 * 4 * 6 * 6)


def test_two_views_of_one_memory_see_the_same_questions():
    buffer = bytearray(LAYOUT.size())
    weights, seeds = post(LAYOUT.place(buffer))
    other = LAYOUT.place(buffer)
    for view, leaf in zip(other.weights, weights, strict=True):
        np.testing.assert_array_equal(view, leaf)
    np.testing.assert_array_equal(other.seeds, seeds)
    np.testing.assert_array_equal(other.mean, np.arange(5.0))
    np.testing.assert_array_equal(other.deviation, np.ones(5))


def test_every_unit_is_claimed_once_in_order():
    board = make_board()
    post(board)
    assert [board.claim(worker=unit % 2) for unit in range(7)] == [0, 1, 2, 3, 4, 5, None]
    np.testing.assert_array_equal(board.claims.reshape(-1), [0, 1, 0, 1, 0, 1])


def test_released_units_are_claimed_again_but_finished_ones_are_not():
    board = make_board()
    post(board)
    for unit in range(5):
        board.claim(worker=unit % 2)
    board.done.reshape(-1)[[0, 1]] = True
    board.release(worker=0)
    np.testing.assert_array_equal(board.claims.reshape(-1), [0, 1, PENDING, 1, PENDING, PENDING])
    assert [board.claim(worker=2) for _ in range(4)] == [2, 4, 5, None]


def test_posting_again_forgets_the_last_generation():
    board = make_board()
    post(board)
    while board.claim(0) is not None:
        pass
    board.done[:] = True
    post(board, seed=1)
    assert not board.done.any()
    assert board.claim(3) == 0


def test_answers_leave_failed_episodes_out_of_returns_and_moments():
    board = make_board()
    post(board)
    generator = np.random.default_rng(2)
    board.lengths[:] = [[3, 4], [5, 6], [7, 8]]
    board.returns[:] = generator.normal(size=(3, 2))
    board.saturated[:] = 2
    board.failed[:] = [[False, True], [False, False], [True, True]]
    seen = {unit: generator.normal(size=(board.lengths[unit], 5)) for unit in np.ndindex(3, 2)}
    for unit, observations in seen.items():
        board.sums[unit] = [
            (observations - board.mean).sum(axis=0),
            ((observations - board.mean) ** 2).sum(axis=0),
        ]
    answers = board.rollouts(action_size=2, restarts=5)
    np.testing.assert_array_equal(np.isnan(answers.returns), board.failed)
    np.testing.assert_allclose(answers.saturated, 2 / (board.lengths * 2))
    assert answers.restarts == 5
    for candidate, parts in enumerate([[(0, 0)], [(1, 0), (1, 1)]]):
        together = np.concatenate([seen[unit] for unit in parts])
        moments = answers.moments[candidate]
        assert moments.count == len(together)
        np.testing.assert_allclose(moments.mean, together.mean(axis=0), rtol=1e-10)
        np.testing.assert_allclose(moments.squares, len(together) * together.var(axis=0), rtol=1e-8)
    assert answers.moments[2].count == 0
    before = answers.lengths.copy()
    board.lengths[:] = -1
    np.testing.assert_array_equal(answers.lengths, before)
