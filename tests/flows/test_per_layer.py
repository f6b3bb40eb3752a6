"""One matrix a layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.flows.trajectories.per_layer import per_layer

TIMES = jnp.array([0.0, 0.3, 1.0])


def test_layers_are_the_parameter_and_must_be_as_many_as_the_times():
    trajectory = per_layer(2, layers=3)
    params = trajectory.init(jax.random.key(3))
    np.testing.assert_array_equal(trajectory.weights(params, TIMES), params["W"])
    with pytest.raises(ValueError, match=r"times are 2.*3 layers.*layers=2"):
        trajectory.weights(params, TIMES[:2])
