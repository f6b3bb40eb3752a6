"""Latent ODE: its divergence and likelihood in closed form, and what unseen values may change."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from odes_rl.continuous.gaussian import Gaussian, from_standard, sample
from odes_rl.continuous.latent import evidence_bound, latent_ode, log_likelihood
from odes_rl.continuous.solving import Solving

MODEL = latent_ode(2, 3, 8, 6, Solving(solver="euler", solver_steps=4))
NORMAL: Any = stats.norm
TIMES = jnp.array([0.0, 0.1, 0.4, 0.45, 1.0])
SEEN = jnp.array([[True, False, True, True, False], [True, True, False, False, False]])
VALUES = jax.random.normal(jax.random.key(1), (2, 5, 2))


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.0), (1.5, 0.3), (-2.0, 2.0)])
def test_the_divergence_is_that_of_normal_distributions(mean, deviation):
    grid = np.linspace(mean - 10 * deviation, mean + 10 * deviation, 20001)

    log_q, log_p = NORMAL.logpdf(grid, mean, deviation), NORMAL.logpdf(grid)
    integral = np.trapezoid(np.exp(log_q) * (log_q - log_p), grid)
    found = from_standard(Gaussian(jnp.full((1, 2), mean), jnp.full((1, 2), 2 * np.log(deviation))))
    np.testing.assert_allclose(found, 2 * integral, rtol=1e-4, atol=1e-6)


def test_the_likelihood_is_that_of_what_is_seen():
    said = jnp.zeros_like(VALUES)
    expected = [NORMAL.logpdf(np.asarray(VALUES[i])[np.asarray(SEEN[i])], 0, 0.3).sum() for i in range(2)]
    np.testing.assert_allclose(log_likelihood(said, VALUES, SEEN, 0.3), expected, rtol=1e-5)


def test_samples_have_the_moments_of_their_distribution():
    q = Gaussian(jnp.full((20000, 1), 2.0), jnp.full((20000, 1), 2 * np.log(0.5)))
    drawn = sample(jax.random.key(0), q)
    assert drawn.mean() == pytest.approx(2.0, abs=0.02)
    assert drawn.std() == pytest.approx(0.5, abs=0.02)


def test_values_that_are_neither_seen_nor_asked_for_change_nothing():
    params = jax.jit(MODEL.init)(jax.random.key(0))

    @jax.jit
    def bound(values):
        return evidence_bound(MODEL, params, jax.random.key(2), values, SEEN, SEEN, TIMES, 0.1)

    plain = np.asarray(bound(VALUES))
    np.testing.assert_array_equal(plain, bound(jnp.where(SEEN[..., None], VALUES, 100.0)))
    assert (plain != bound(VALUES.at[:, 0].add(1.0))).all()


def test_a_spiral_that_is_decoded_starts_at_the_decoded_start():
    params = jax.jit(MODEL.init)(jax.random.key(0))
    z, decode = jax.random.normal(jax.random.key(3), (2, 3)), jax.jit(MODEL.decode)
    long, short = (np.asarray(decode(params, z, times)) for times in (TIMES, TIMES[jnp.array([0, 4])]))
    assert long.shape == (2, 5, 2)
    np.testing.assert_allclose(long[:, 0], short[:, 0], rtol=1e-6)
    np.testing.assert_allclose(long[:, -1], short[:, -1], rtol=1e-5)


def test_an_unseen_value_that_is_no_number_leaves_gradients_alone():
    values = jnp.where(SEEN[..., None], VALUES, jnp.nan)
    params = MODEL.init(jax.random.key(0))

    def bound(params, values):
        return jnp.sum(evidence_bound(MODEL, params, jax.random.key(1), values, SEEN, SEEN, TIMES, 0.3))

    found, expected = (jax.grad(bound)(params, v) for v in (values, VALUES))
    jax.tree.map(lambda f, e: np.testing.assert_allclose(f, e, rtol=1e-4, atol=1e-5), found, expected)
