"""Recurrent networks: the gated unit's equations, and what unseen values may change."""

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.continuous.recurrent import forecaster, gated_unit, summary

TIMES = jnp.array([0.0, 0.1, 0.4, 0.45, 0.8, 1.0])
SEEN = jnp.array([[True, False, True, True, False, True], [True, True, False, True, False, False]])
VALUES = jax.random.normal(jax.random.key(1), (2, 6, 2))
DISTURBED = jnp.where(SEEN[..., None], VALUES, 100.0)


def test_a_gated_unit_is_its_equations():
    cell = gated_unit(3, 4)
    params = cell.init(jax.random.key(0))
    params["bias"] = jax.random.normal(jax.random.key(1), (3, 4))
    rng = np.random.default_rng(0)
    u, h = rng.normal(size=3), rng.normal(size=4)
    (reset, keep, candidate), biases = np.asarray(params["weight"], float), np.asarray(params["bias"], float)
    r = 1 / (1 + np.exp(-(reset[:, :3] @ u + reset[:, 3:] @ h + biases[0])))
    z = 1 / (1 + np.exp(-(keep[:, :3] @ u + keep[:, 3:] @ h + biases[1])))
    n = np.tanh(candidate[:, :3] @ u + candidate[:, 3:] @ (r * h) + biases[2])
    found = cell.apply(params, jnp.asarray(u[None], jnp.float32), jnp.asarray(h[None], jnp.float32))
    np.testing.assert_allclose(found[0], z * h + (1 - z) * n, rtol=1e-5)


def test_a_summary_is_that_of_what_is_seen_alone():
    cell = gated_unit(3, 5)
    params = cell.init(jax.random.key(0))
    whole = summary(cell, params, VALUES, SEEN, TIMES)
    np.testing.assert_array_equal(summary(cell, params, DISTURBED, SEEN, TIMES), whole)
    for index in range(2):
        kept = np.flatnonzero(SEEN[index])
        alone = summary(cell, params, VALUES[index : index + 1, kept], jnp.ones((1, kept.size), bool), TIMES[kept])
        np.testing.assert_allclose(alone[0], whole[index], rtol=1e-5)


def test_a_forecast_changes_with_no_unseen_value_and_with_none_of_its_own_time_or_later():
    model = forecaster(2, 5)
    params = model.init(jax.random.key(0))
    said = model.apply(params, VALUES, SEEN, TIMES)
    np.testing.assert_array_equal(model.apply(params, DISTURBED, SEEN, TIMES), said)
    later = model.apply(params, VALUES.at[:, 3].add(1.0), SEEN, TIMES)
    np.testing.assert_array_equal(later[:, :4], said[:, :4])
    assert (jnp.abs(later[:, 4:] - said[:, 4:]) > 1e-3).all()


def test_a_forecast_runs_on_what_it_said_itself():
    model = forecaster(2, 5)
    params = model.init(jax.random.key(0))
    alone = model.apply(params, VALUES, SEEN, TIMES, 0.3)
    np.testing.assert_array_equal(model.apply(params, VALUES.at[:, 2:].set(9.0), SEEN, TIMES, 0.3), alone)
    fed = jnp.where((TIMES > 0.3)[None, :, None], alone, VALUES)
    np.testing.assert_allclose(model.apply(params, fed, SEEN, TIMES), alone, rtol=1e-5)
