"""One matrix for all times."""

import jax.numpy as jnp
import numpy as np

from odes_rl.flows.trajectories.constant import constant


def test_every_time_has_the_parameter():
    W = jnp.arange(4.0).reshape(2, 2)
    weights = constant(2).weights({"W": W}, jnp.array([0.0, 0.3, 1.0]))
    np.testing.assert_array_equal(weights, [W, W, W])
