"""Seeds of episodes."""

import numpy as np

from odes_rl.rollouts.seeds import evaluation_seeds, training_seeds


def test_members_of_a_pair_share_their_seeds_and_nobody_else_does():
    seeds = training_seeds(3, 5, directions=8, signs=2, episodes=3)
    assert seeds.shape == (16, 3)
    assert seeds.dtype == np.int64
    np.testing.assert_array_equal(seeds[0::2], seeds[1::2])
    assert len(np.unique(seeds)) == 8 * 3


def test_seeds_are_pure_functions_of_run_generation_direction_and_episode():
    seeds = training_seeds(3, 5, 4, 2, 3)
    np.testing.assert_array_equal(seeds, training_seeds(3, 5, 4, 2, 3))
    np.testing.assert_array_equal(seeds[:, :2], training_seeds(3, 5, 4, 2, 2))
    np.testing.assert_array_equal(seeds[:4], training_seeds(3, 5, 2, 2, 3))
    np.testing.assert_array_equal(seeds[::2], training_seeds(3, 5, 4, 1, 3))
    np.testing.assert_array_equal(evaluation_seeds(3, 4), evaluation_seeds(3, 9)[:, :4])


def test_generations_and_runs_have_seeds_of_their_own():
    drawn = [training_seeds(run, generation, 4, 1, 2) for run in range(5) for generation in range(20)]
    assert len(np.unique(drawn)) == 5 * 20 * 4 * 2


def test_training_and_evaluation_draw_from_disjoint_halves_below_two_to_the_31():
    training = training_seeds(0, 0, 2000, 1, 1)
    evaluation = evaluation_seeds(0, 2000)
    assert evaluation.shape == (1, 2000)
    assert training.min() >= 0
    assert 0.9 * 2**30 < training.max() < 2**30
    assert 2**30 <= evaluation.min() < 1.1 * 2**30
    assert 1.9 * 2**30 < evaluation.max() < 2**31


def test_the_largest_run_seed_is_fine():
    assert training_seeds(2**31 - 1, 10**6, 1, 1, 1).shape == (1, 1)
