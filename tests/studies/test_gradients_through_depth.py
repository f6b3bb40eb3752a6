"""Gradients through depth: the bounds of lemma 4.1, and the state-transition matrix against automatic derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.inspection.flows import EulerFlow, flow_states, state_gradients, transition_matrices
from odes_rl.manifolds import Orthogonal
from odes_rl.studies.gradients_through_depth import build, inside, take_look

H = 6


def orthogonal_flow(activation, steps, seed=0):
    weights = jax.vmap(lambda key: Orthogonal().random(key, (H, H)))(jax.random.split(jax.random.key(seed), steps))
    return EulerFlow(activation, 1 / steps, np.asarray(weights), np.linspace(-0.3, 0.4, H))


def as_jax(flow, x):
    f = {"abs": jnp.abs, "relu": jax.nn.relu, "tanh": jnp.tanh}[flow.activation]
    for W in flow.weights:
        x = x + flow.step * f(W @ x + flow.bias)
    return x


@pytest.mark.parametrize("activation", ["abs", "relu", "tanh"])
def test_the_transition_matrix_is_the_jacobian_of_the_flow(activation):
    flow, start = orthogonal_flow(activation, 10), np.linspace(-1.1, 1, H)
    exact = jax.jacobian(lambda x: as_jax(flow, x))(jnp.asarray(start, jnp.float32))
    np.testing.assert_allclose(transition_matrices(flow, start)[-1], exact, atol=1e-5)


def test_gradients_are_those_of_the_transition_matrix():
    flow, start, end = orthogonal_flow("abs", 10), np.linspace(-1, 1.1, H), np.arange(H) - 2.0
    gradients = state_gradients(flow, flow_states(flow, start[None]), end[None])
    np.testing.assert_allclose(gradients[0, 0], end @ transition_matrices(flow, start)[-1], atol=1e-9)


@pytest.mark.parametrize("steps", [5, 25])
def test_ode_to_ode_stays_inside_the_discrete_bounds_and_a_residual_network_does_not(steps):
    images, labels = np.random.default_rng(0).random((40, 9)), np.arange(40) % 3

    def ratios(name):
        model, trajectory, times, step = build(name, steps, 16, 9, 3)
        params = model.init(jax.random.key(1))
        weights = np.asarray(trajectory.weights(params["trajectory"], times))
        return take_look(EulerFlow("abs", step, weights, np.zeros(16)), params, images, labels).ratios

    assert inside(ratios("ode_to_ode"))
    assert not inside(ratios("res_net"))


def test_the_lower_bound_is_attained():
    flow = EulerFlow("abs", 0.04, np.broadcast_to(np.eye(H), (25, H, H)), np.zeros(H))
    norms = np.linalg.norm(state_gradients(flow, flow_states(flow, -np.ones((1, H))), np.ones((1, H))), axis=-1)
    np.testing.assert_allclose(norms[0] / norms[-1], 0.96**25)
    assert inside(norms / norms[-1])
    assert not inside(norms / norms[-1] * np.where(np.arange(26) == 0, 0.99, 1)[:, None])
