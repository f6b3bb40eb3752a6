"""The gated flow: a constant gate is an exponential, gates add up, and the networks see what they are said to see."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from odes_rl.flows.trajectories.gated import gated
from odes_rl.manifolds import Orthogonal

TIMES = jnp.arange(1, 11) / 10
LEFT = jnp.arange(10) / 10


def numbers(params):
    return {key: np.asarray(leaf, np.float64) for key, leaf in params.items()}


@pytest.mark.parametrize("solver", ["lie_euler", "rkmk4"])
@pytest.mark.parametrize("gates", [1, 4])
def test_constant_gates_are_one_exponential(gates, solver):
    """Equations §3.1 with constant input: W_t = W_0 exp(t Σ a_i (f_i − f_iᵀ))."""
    trajectory = gated(6, gates=gates, solver=solver)
    params = trajectory.init(jax.random.key(0)) | {"gates": 0.5 + jnp.arange(gates)}
    p = numbers(params)
    B = sum(a * (f - f.T) for a, f in zip(p["gates"], p["matrices"], strict=True))
    assert np.abs(B).max() > 0.1
    for t, W in zip(np.asarray(TIMES), trajectory.weights(params, TIMES), strict=True):
        np.testing.assert_allclose(W, p["initial"] @ scipy.linalg.expm(float(t) * B), atol=2e-6)


@pytest.mark.parametrize("inputs", ["t", "t_W"])
def test_lie_euler_steps_are_those_written_out(inputs):
    trajectory = gated(4, gates=2, inputs=inputs, width=3, scale=2.0)
    params = trajectory.init(jax.random.key(1))
    params["biases"] = jax.random.normal(jax.random.key(2), (2, 3))
    p = numbers(params)
    W, weights = p["initial"], trajectory.weights(params, TIMES)
    for i, t in enumerate(np.asarray(LEFT, np.float64)):
        u = np.array([t]) if inputs == "t" else np.concatenate([[t], W.reshape(-1)])
        b = np.zeros((4, 4))
        for g in range(2):
            f = p["matrices"][g] + p["outer"][g] @ np.tanh(p["inner"][g] @ u + p["biases"][g])
            b += p["gates"][g] * (f - f.T)
        W = W @ scipy.linalg.expm(0.1 * b)
        np.testing.assert_allclose(weights[i], W, atol=1e-5)


@pytest.mark.parametrize("inputs", ["none", "t", "t_W"])
def test_weights_stay_orthogonal(inputs):
    trajectory = gated(16, gates=10, inputs=inputs)
    W = trajectory.weights(trajectory.init(jax.random.key(3)), TIMES)[-1]
    assert Orthogonal().violation(W) < 1e-5


def test_the_weights_turn_by_about_scale_radians():
    trajectory = gated(64, gates=4, scale=1.0)
    params = trajectory.init(jax.random.key(4))
    turn = np.asarray(params["initial"].T @ trajectory.weights(params, TIMES)[-1], np.float64)
    largest = np.abs(np.angle(np.linalg.eigvals(turn))).max()
    assert largest == pytest.approx(1, abs=0.2)


def test_without_a_gate_it_is_refused():
    with pytest.raises(ValueError, match=r"gates is 0.*≥ 1"):
        gated(2, gates=0)
