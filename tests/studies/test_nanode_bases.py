"""Bases of NANODE: the Chebyshev basis, seeds that do not see each other, and pieces that are a constant."""

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.flows.trajectories.bucketed import bucketed
from odes_rl.flows.trajectories.trigonometric import trigonometric
from odes_rl_studies.digits import load_digits, shares_right
from odes_rl_studies.nanode_bases import NanodeBasesConfig, random_polynomials, train


def config(**options):
    return NanodeBasesConfig(directory="unused", width=6, steps=6, buckets=(1,), training=20, batch_size=32, **options)


def test_random_polynomials_are_of_degree_four():
    times = np.linspace(0, 1, 9)
    values = np.asarray(random_polynomials(jax.random.key(0), jnp.asarray(times, jnp.float32)))
    for line in values.T:
        np.testing.assert_allclose(np.polyval(np.polyfit(times, line, 4), times), line, atol=1e-5)
        assert np.abs(np.polyfit(times, line, 4)[0]) > 1e-3
    c = np.asarray(jax.random.normal(jax.random.key(0), (5, 4))) / 5**0.5
    np.testing.assert_allclose(values[0], c[0] - c[2] + c[4], atol=1e-5)  # T_n(0), as the paper's figure has it


def test_training_lowers_the_loss_above_chance():
    found = train(trigonometric(6, 2), config(seeds=2))
    assert found.train.shape == found.test.shape == (2,)
    assert found.losses[-5:].mean() < found.losses[:5].mean()


def test_logits_that_are_not_finite_are_not_right():
    digits = load_digits()
    for shares in shares_right(digits, jnp.full((len(digits.labels), 10), jnp.nan)):
        assert shares == 0


def test_one_piece_is_degree_zero():
    pieces, constant = train(bucketed(6, 1), config(seeds=1)), train(trigonometric(6, 0), config(seeds=1))
    np.testing.assert_allclose(pieces.losses, constant.losses, rtol=1e-4)
    np.testing.assert_allclose(pieces.test, constant.test, atol=0.01)
