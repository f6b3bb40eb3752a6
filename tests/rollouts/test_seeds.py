"""Seeds of episodes."""

import numpy as np

from odes_rl.rollouts.seeds import evaluation_seeds, fresh_seeds, training_seeds, warmup_seeds


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
    np.testing.assert_array_equal(seeds[4:], training_seeds(3, 5, 2, 2, 3, first=2))
    np.testing.assert_array_equal(seeds[::2], training_seeds(3, 5, 4, 1, 3))
    np.testing.assert_array_equal(evaluation_seeds(3, 4), evaluation_seeds(3, 9)[:, :4])


def test_generations_and_runs_have_seeds_of_their_own():
    drawn = [training_seeds(run, generation, 4, 1, 2) for run in range(5) for generation in range(20)]
    assert len(np.unique(drawn)) == 5 * 20 * 4 * 2


def test_training_evaluation_and_judgement_draw_from_disjoint_ranges_below_two_to_the_31():
    quarter = 2**29
    for seeds, low, high in (
        (training_seeds(0, 0, 2000, 1, 1), 0, 2 * quarter),
        (evaluation_seeds(0, 2000), 2 * quarter, 3 * quarter),
        (fresh_seeds(0, 2000), 3 * quarter, 4 * quarter),
    ):
        assert seeds.size == 2000
        assert low <= seeds.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < seeds.max() < high


def test_the_warm_up_has_episodes_of_its_own_in_trainings_range():
    seeds = warmup_seeds(3, 50)
    assert seeds.shape == (1, 50)
    np.testing.assert_array_equal(seeds[:, :7], warmup_seeds(3, 7))
    assert seeds.max() < 2**30
    first = [training_seeds(3, generation, 50, 1, 2) for generation in range(3)]
    assert len(np.unique([*seeds.flat, *np.ravel(first)])) == 50 + 3 * 50 * 2


def test_the_largest_run_seed_is_fine():
    assert training_seeds(2**31 - 1, 10**6, 1, 1, 1).shape == (1, 1)
