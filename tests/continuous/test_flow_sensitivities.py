"""The sensitivity equation beside automatic differentiation, closed forms, and integrals of transition matrices."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from odes_rl.continuous import Solving, sensitivities, solve

SOLVING = Solving(solver="midpoint", solver_steps=8, adjoint="direct")
TIMES = jnp.array([0.0, 0.5, 1.0])


def varying(t, x, params):
    """ẋ = tanh((W + t V) x), a NANODE."""
    return jnp.tanh((params["W"] + t * params["V"]) @ x)


def drawn():
    W, V, x = jax.random.normal(jax.random.key(0), (3, 3, 3))
    return {"W": W, "V": V}, x[0]


def test_it_is_the_derivative_of_the_solution_by_parameters_and_by_the_start():
    params, start = drawn()
    found = jax.jit(lambda p, x: sensitivities(SOLVING, varying, p, x, TIMES))(params, start)

    def states(params, x):
        return solve(SOLVING, varying, params, x, TIMES).states

    by_params, by_start = jax.jit(jax.jacrev(states, (0, 1)))(params, start)
    S = np.asarray(found.by_params).reshape(3, 3, 2, 3, 3)  # V, then W: in the order of their names
    np.testing.assert_allclose(found.states, states(params, start), atol=1e-6)
    np.testing.assert_allclose(S[:, :, 0], by_params["V"], atol=2e-6)
    np.testing.assert_allclose(S[:, :, 1], by_params["W"], atol=2e-6)
    np.testing.assert_allclose(found.transitions, by_start, atol=2e-6)
    assert np.abs(S[-1]).max() > 0.1


def test_the_transition_matrix_of_a_linear_system_is_an_exponential_and_sensitivities_its_integral():
    A = jnp.array([[-1.0, -1.0], [1.0, -1.0]])
    exact = Solving(solver="dopri5", tolerance=1e-6)

    @jax.jit
    def found_of(b):
        return sensitivities(exact, lambda t, z, b: A @ z + b, b, jnp.ones(2), TIMES)

    found = found_of(jnp.zeros(2))
    M = np.stack([scipy.linalg.expm(float(t) * np.asarray(A)) for t in TIMES])
    np.testing.assert_allclose(found.transitions, M, atol=1e-5)
    np.testing.assert_allclose(found.by_params, np.linalg.inv(A) @ (M - np.eye(2)), atol=1e-5)
