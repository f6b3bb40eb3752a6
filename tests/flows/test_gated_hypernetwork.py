"""The gated hypernetwork: a straight line without inputs, Euler's method with them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.flows.trajectories.gated_hypernetwork import gated_hypernetwork

TIMES = jnp.arange(1, 11) / 10
LEFT = np.arange(10) / 10


def numbers(params):
    return {key: np.asarray(leaf, np.float64) for key, leaf in params.items()}


def test_constant_gates_move_the_weights_along_a_line():
    trajectory = gated_hypernetwork(5, gates=3)
    params = trajectory.init(jax.random.key(0)) | {"gates": jnp.array([0.5, -1.0, 2.0])}
    p = numbers(params)
    speed = 0.5 * p["matrices"][0] - p["matrices"][1] + 2 * p["matrices"][2]
    for t, W in zip(np.asarray(TIMES), trajectory.weights(params, TIMES), strict=True):
        np.testing.assert_allclose(W, p["initial"] + t * speed, atol=1e-6)


@pytest.mark.parametrize("inputs", ["t", "t_W"])
def test_steps_are_those_of_eulers_method(inputs):
    trajectory = gated_hypernetwork(4, gates=2, inputs=inputs, width=3)
    params = trajectory.init(jax.random.key(1))
    params["biases"] = jax.random.normal(jax.random.key(2), (2, 3))
    p = numbers(params)
    W, weights = p["initial"], trajectory.weights(params, TIMES)
    for i, t in enumerate(LEFT):
        u = np.array([t]) if inputs == "t" else np.concatenate([[t], W.reshape(-1)])
        f = [p["matrices"][g] + p["outer"][g] @ np.tanh(p["inner"][g] @ u + p["biases"][g]) for g in range(2)]
        W = W + 0.1 * (p["gates"][0] * f[0] + p["gates"][1] * f[1])
        np.testing.assert_allclose(weights[i], W, atol=1e-5)


def test_without_a_gate_it_is_refused():
    with pytest.raises(ValueError, match=r"gates is 0.*≥ 1"):
        gated_hypernetwork(2, gates=0)
