"""Episodes in one program, on a task that needs no MuJoCo, beside those of the serial backend."""

import numpy as np
import pytest

from odes_rl.act.linear import LinearWeights
from odes_rl.rollouts.protocol import Request, Rollouts
from odes_rl.rollouts.serial import SerialBackend
from odes_rl.simulation import programs
from odes_rl.simulation.memory import needed
from tests.simulation.fake import LIMIT, backend, make_seeds, make_statistics, make_weights, settings


def asked(candidates=5, episodes=2):
    return make_weights(candidates), make_statistics(), make_seeds(candidates, episodes)


def assert_same(left, right):
    for name in ("returns", "lengths", "saturated", "failed"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), name)
    for one, other in zip(left.moments, right.moments, strict=True):
        assert all(map(np.array_equal, one, other))


def assert_close(device, serial):
    np.testing.assert_array_equal(device.lengths, serial.lengths)
    np.testing.assert_array_equal(device.failed, serial.failed)
    np.testing.assert_allclose(device.returns, serial.returns, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(device.saturated, serial.saturated, atol=1e-9)
    for one, other in zip(device.moments, serial.moments, strict=True):
        assert one.count == other.count
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(one.squares, other.squares, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("squash", ["rescale", "clip", "tanh"])
@pytest.mark.parametrize("clip", [np.inf, 0.5])
@pytest.mark.parametrize("max_steps", [None, 9])
def test_returns_lengths_and_moments_are_those_of_the_serial_backend(squash, clip, max_steps):
    chosen = settings(squash, clip, max_steps)
    with backend(chosen) as device, SerialBackend(chosen) as serial:
        ours, theirs = device.evaluate(*asked()), serial.evaluate(*asked())
    assert_close(ours, theirs)
    assert (ours.lengths < (max_steps or LIMIT)).any()
    assert (ours.lengths == (max_steps or LIMIT)).any()


@pytest.mark.parametrize(("lanes", "chunk"), [(1000, 3), (1000, 100), (6, 7), (30, 7)])
def test_neither_the_size_of_batches_nor_that_of_chunks_shows_in_the_results(lanes, chunk):
    questions = make_weights(37), make_statistics(), make_seeds(37, 2)
    with backend() as usual, backend(lanes=lanes, chunk=chunk) as other:
        assert_close(usual.evaluate(*questions), other.evaluate(*questions))


def test_rows_that_fill_a_batch_up_show_in_no_bit_of_the_others():
    weights, statistics, seeds = make_weights(8), make_statistics(), make_seeds(8, 2)
    with backend() as device:
        eight = device.evaluate(weights, statistics, seeds)
        five = device.evaluate(LinearWeights(weights.matrix[:5]), statistics, seeds[:5])
        assert len(device.programs._found) == 1
    returns, lengths, moments, saturated, failed, restarts = eight
    assert_same(five, Rollouts(returns[:5], lengths[:5], moments[:5], saturated[:5], failed[:5], restarts))


def test_episodes_of_one_policy_are_those_of_a_generation():
    weights, statistics, seeds = make_weights(2), make_statistics(), make_seeds(1, 20)
    with backend() as device:
        alone = device.evaluate(LinearWeights(weights.matrix[1:]), statistics, seeds)
        among = device.evaluate(weights, statistics, np.repeat(seeds, 2, axis=0))
    np.testing.assert_array_equal(alone.lengths[0], among.lengths[1])
    np.testing.assert_allclose(alone.returns[0], among.returns[1], rtol=1e-4, atol=1e-4)


def test_what_is_not_finite_fails_its_episode_and_no_other():
    weights, statistics, seeds = asked()
    weights.matrix[1], weights.matrix[3] = np.nan, np.inf
    with backend() as device, SerialBackend(settings()) as serial:
        ours, theirs = device.evaluate(weights, statistics, seeds), serial.evaluate(weights, statistics, seeds)
    assert ours.failed.all(axis=1).tolist() == [False, True, False, True, False]
    assert_close(ours, theirs)


def test_a_state_that_diverges_fails_the_episode():
    with backend(constants=float("nan")) as device:
        rollouts = device.evaluate(*asked())
    assert rollouts.failed.all()
    assert np.isnan(rollouts.returns).all()
    assert (rollouts.lengths == 1).all()
    assert [moments.count for moments in rollouts.moments] == [0] * 5


def test_starts_that_are_foreseen_are_drawn_once_and_ahead():
    drawn = []
    weights, statistics, seeds = asked()
    with backend() as device:
        draw = device.starts._draw
        device.starts._draw = lambda seed: drawn.append(seed) or draw(seed)
        following = make_seeds(5, 2, seed=3)
        device.foresee(following)
        device.evaluate(weights, statistics, seeds)
        assert sorted(drawn) == sorted({*seeds.flat, *following.flat})
        drawn.clear()
        device.evaluate(weights, statistics, following)
    assert not drawn


def test_starts_that_are_asked_for_again_are_kept():
    drawn = []
    with backend() as device:
        draw = device.starts._draw
        device.starts._draw = lambda seed: drawn.append(seed) or draw(seed)
        for _ in range(3):
            device.evaluate(*asked())
    assert len(drawn) == len(set(drawn))


def test_a_kind_of_requests_has_a_program_of_its_own_whoever_asks_first():
    training = [Request(make_weights(12, seed), make_statistics(), make_seeds(12, 1, seed)) for seed in (1, 2)]
    evaluation = Request(make_weights(1, 3), make_statistics(), make_seeds(1, 9))
    rows = []
    for order in ([*training], [training[0], evaluation], [evaluation, training[0]], [training[1]]):
        with backend(lanes=None) as device:
            answers = device.evaluate_all(order, 2)
            rows.append({program.rows for program in device.programs._found.values()})
            for answer, request in zip(answers, order, strict=True):
                assert answer.returns.shape == request.episode_seeds.shape
    assert rows == [{24}, {24, 18}, {24, 18}, {24}]


def test_as_many_environments_run_at_once_as_fit_into_memory(monkeypatch):
    questions = make_weights(40), make_statistics(), make_seeds(40, 1)
    with backend() as roomy:
        expected = roomy.evaluate(*questions)
        (whole,) = roomy.programs._found.values()
    assert whole.rows == 40
    monkeypatch.setattr(programs, "available", lambda device: needed(whole.run) // 3)
    with backend() as narrow:
        found = narrow.evaluate(*questions)
        (part,) = narrow.programs._found.values()
    assert needed(part.run) <= needed(whole.run) // 3
    assert part.rows in range(8, 14)
    assert_close(found, expected)


def test_no_more_memory_is_needed_for_longer_episodes():
    sizes = []
    for limit in (10, 10_000):
        with backend(settings(max_steps=limit)) as device:
            device.evaluate(*asked(9, 1))
            (program,) = device.programs._found.values()
        sizes.append(needed(program.run))
    assert sizes[0] == sizes[1]


def test_requests_that_are_answered_together_get_what_each_gets_alone():
    """Of populations of two sizes and of one policy, each with its own statistics."""
    requests = [
        Request(make_weights(5, seed=1), make_statistics(), make_seeds(5, 2)),
        Request(make_weights(3, seed=2), make_statistics()._replace(mean=np.array([1.0, 0.5, 4.0])), make_seeds(3, 2)),
        Request(make_weights(1, seed=3), make_statistics(), make_seeds(1, 4)),
    ]
    with backend() as device:
        for answer, request in zip(device.evaluate_all(requests, 3), requests, strict=True):
            assert_close(answer, device.evaluate(*request))


def test_episodes_of_so_many_steps_are_those_of_a_shorter_limit():
    with backend() as device, backend(settings(max_steps=4)) as short:
        expected = short.evaluate(*asked())
        found, whole = device.evaluate_all([Request(*asked(), steps=4), Request(*asked())], 2)
        assert len(device.programs._found) == 1
    assert_close(found, expected)
    assert found.lengths.max() == 4 < whole.lengths.max()


def test_who_has_left_leaves_room_and_no_other_program():
    request = Request(*asked(40))
    with backend() as device:
        both = device.evaluate_all([request, request], 2)
        alone = device.evaluate_all([request], 2)
        assert len(device.programs._found) == 1
    assert_same(alone[0], both[0])
    assert_same(alone[0], both[1])
