"""The steps' orders against SciPy, and that their flow stays on the group."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg

from odes_rl.lie_steps import LIE_STEPS, flow, lie_step

ORDERS = {"lie_euler": 1, "rkmk4": 4}
Q, N, B, START = (np.random.default_rng(0).normal(size=(4, 3, 3))) * 0.7
Q, N, B, START = Q + Q.T, N + N.T, B - B.T, scipy.linalg.expm(START - START.T)


def field(t, W):
    """A field that depends on both arguments and commutes with none of its later values."""
    H = W.T @ Q @ W
    return H @ N - N @ H + (1 + t) ** 2 * B


def reference() -> np.ndarray:
    """W_1 by an integrator that knows nothing of the group."""

    def derivative(t: float, vec: np.ndarray) -> np.ndarray:
        W = vec.reshape(3, 3)
        return (W @ field(t, W)).ravel()

    solution = scipy.integrate.solve_ivp(derivative, (0, 1), START.ravel(), "DOP853", rtol=1e-12, atol=1e-13)
    return solution.y[:, -1].reshape(3, 3)


@pytest.mark.parametrize("name", LIE_STEPS)
def test_the_order_is_the_one_claimed_and_the_group_is_not_left(name):
    errors = []
    with jax.enable_x64(True):
        for steps in (40, 80):
            times = jnp.arange(1, steps + 1) / steps
            W = np.asarray(flow(LIE_STEPS[name], field, jnp.asarray(START), times))
            np.testing.assert_allclose(W.mT @ W, np.broadcast_to(np.eye(3), W.shape), atol=1e-12)
            errors.append(np.abs(W[-1] - reference()).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(ORDERS[name], abs=0.15)


@pytest.mark.parametrize("name", LIE_STEPS)
def test_a_constant_field_is_solved_exactly(name):
    """One gate with a constant input: W_t = W_0 exp(t a B)."""
    times = jnp.array([0.0, 0.3, 0.4, 1.0])
    W = flow(LIE_STEPS[name], lambda t, W: 0.5 * jnp.asarray(B), jnp.asarray(START), times)
    expected = [START @ scipy.linalg.expm(t * 0.5 * B) for t in np.asarray(times)]
    np.testing.assert_allclose(W, expected, atol=1e-6)


def test_an_unknown_step_names_the_nearest():
    assert lie_step("rkmk4") is LIE_STEPS["rkmk4"]
    with pytest.raises(ValueError, match=r"'rkmk'.*'rkmk4'.*lie_euler"):
        lie_step("rkmk")
