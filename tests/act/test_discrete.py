"""Logits into choices: the largest of each block, or a draw from its softmax."""

import numpy as np
import pytest

from odes_rl.act.discrete import choose

COUNTS = np.array([3, 1, 2])


def run_choose(logits, noise=None, counts=COUNTS):
    action = np.full(len(counts), 99)
    noise = np.zeros(len(logits)) if noise is None else noise
    return choose(np.array(logits, np.float32), noise, counts, action), action.tolist()


def test_the_largest_logit_of_each_block_is_chosen():
    assert run_choose([0.1, 0.3, -9.0, -1e30, 7.0, 7.5]) == (0, [1, 0, 1])


def test_of_equal_logits_the_first_is_chosen():
    assert run_choose([0.0] * 6) == (0, [0, 0, 0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(6))
def test_a_logit_that_is_not_finite_gives_minus_one(bad, place):
    logits = np.zeros(6)
    logits[place] = bad
    assert run_choose(logits)[0] == -1


def test_with_gumbel_noise_choices_are_drawn_from_the_softmax():
    logits, generator, count = np.array([0.5, -1.0, 1.5, 0.0, 2.0, 1.0]), np.random.default_rng(0), 20_000
    drawn = np.array([run_choose(logits, generator.gumbel(size=6))[1] for _ in range(count)])
    for block, places in zip(np.split(logits, [3, 4]), drawn.T, strict=True):
        expected = np.exp(block) / np.exp(block).sum()
        found = np.bincount(places, minlength=block.size) / count
        np.testing.assert_allclose(found, expected, atol=4 * 0.5 / count**0.5)
