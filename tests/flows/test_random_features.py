"""Random features of time, with frequencies and phases that stay."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.flows.trajectories.random_features import random_features
from odes_rl.manifolds import Frozen

TIMES = jnp.array([0.0, 0.3, 1.0])


def test_weights_are_the_sum_written_out():
    trajectory = random_features(2, features=3)
    params = trajectory.init(jax.random.key(0))
    a, zeta, eta = (np.asarray(params[key]) for key in ("coefficients", "frequencies", "phases"))
    for W, t in zip(trajectory.weights(params, TIMES), np.asarray(TIMES), strict=True):
        np.testing.assert_allclose(W, sum(a[k] * np.cos(zeta[k] * t + eta[k]) for k in range(3)), atol=1e-6)


def test_frequencies_and_phases_are_frozen_and_drawn_as_said():
    trajectory = random_features(1, features=4000, bandwidth=3.0)
    params = trajectory.init(jax.random.key(1))
    frozen = {key for key, manifold in trajectory.manifolds.items() if isinstance(manifold, Frozen)}
    assert frozen == {"frequencies", "phases"}
    assert float(jnp.std(params["frequencies"])) == pytest.approx(3, rel=0.05)
    assert float(jnp.mean(params["phases"])) == pytest.approx(np.pi, rel=0.05)
    assert 0 <= float(params["phases"].min()) < float(params["phases"].max()) <= 2 * np.pi


def test_no_features_are_refused():
    with pytest.raises(ValueError, match="features is 0"):
        random_features(2, features=0)
