"""The steps' orders against SciPy, and that their flow stays on the group."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg

from odes_rl.flows.lie_steps import LIE_STEPS, flow, geodesic, lie_step
from odes_rl.manifolds import Orthogonal

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
            W = np.asarray(jax.jit(lambda start, times: flow(LIE_STEPS[name], field, start, times))(START, times))
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


GRIDS = {
    "from one interval on": np.arange(1, 8) / 7,
    "from nought on": np.arange(5) / 4,
    "from the third on": np.arange(3, 20) / 25,
    "one time": np.array([0.3]),
    "the time nought": np.array([0.0]),
    "nearly equal": np.array([0.0, 0.5003, 1.0]),
    "from below nought on": np.array([-1.0, -0.5, 0.0, 0.5]),
    "below nought": np.array([-2.0, -1.0]),
    "unequal": np.array([0.1, 0.15, 0.6, 1.0]),
}


@pytest.mark.parametrize("jitted", [False, True])
@pytest.mark.parametrize("name", GRIDS)
def test_a_geodesic_is_an_exponential_on_any_grid(name, jitted):
    call = jax.jit(geodesic) if jitted else geodesic  # under jit the times are not known
    found = call(jnp.asarray(START, jnp.float32), jnp.asarray(B, jnp.float32), jnp.asarray(GRIDS[name], jnp.float32))
    assert found.shape == (GRIDS[name].size, 3, 3)
    for t, W in zip(GRIDS[name], found, strict=True):
        np.testing.assert_allclose(W, START @ scipy.linalg.expm(t * B), atol=2e-6)


def test_a_geodesic_of_a_hundred_steps_stays_orthogonal_and_needs_one_exponential():
    generator = jax.random.normal(jax.random.key(0), (128, 128)) / 128**0.5
    times = jnp.arange(1, 101) / 100
    call = jax.jit(lambda generator: geodesic(jnp.eye(128), generator - generator.T, times))
    assert Orthogonal().violation(call(generator)[-1]) < 1e-5
    assert str(jax.make_jaxpr(call)(generator)).count("name=expm") == 1


def test_gradients_of_a_geodesic_follow_finite_differences():
    times: Any = np.arange(1, 11) / 10

    @jax.jit
    def last(generator):
        return geodesic(jnp.asarray(START), generator - generator.T, times)[-1][0, 1]

    with jax.enable_x64(True):
        gradient = jax.jit(jax.grad(last))(B)
        for i, j in np.ndindex(3, 3):
            shift = np.zeros((3, 3))
            shift[i, j] = 1e-6
            change = (last(B + shift) - last(B - shift)) / 2e-6
            assert gradient[i, j] == pytest.approx(float(change), abs=1e-7)
