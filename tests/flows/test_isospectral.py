"""The double-bracket flow: spectrum, ascent, sorting, determinants, and the bound on its gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from odes_rl.flows.trajectories.isospectral import double_bracket, isospectral
from odes_rl.manifolds import Orthogonal

HIDDEN, STEPS = 8, 25
TIMES = jnp.arange(1, STEPS + 1) / STEPS
STEP = 1 / STEPS


@pytest.fixture(scope="module")
def flows():
    """Parameters and weights [20, L, h, h] of twenty random flows."""
    trajectory = isospectral(HIDDEN)
    params = jax.vmap(trajectory.init)(jax.random.split(jax.random.key(0), 20))
    weights = jax.jit(jax.vmap(trajectory.weights, in_axes=(0, None)))(params, TIMES)
    return {key: np.asarray(leaf) for key, leaf in params.items()}, np.asarray(weights)


def generators(params, weights):
    """H_t = WᵀQW, [20, L, h, h]."""
    return weights.mT @ params["Q"][:, None] @ weights


@pytest.mark.parametrize("deviation", [0.0, 0.1])
def test_the_steps_are_equation_5_written_out(flows, deviation):
    """Also where ambient candidates lie: Q and N not symmetric, W_0 not orthogonal."""
    noise = np.random.default_rng(0).normal(scale=deviation, size=(HIDDEN, HIDDEN))
    params = {key: leaf[0] + noise for key, leaf in flows[0].items()}
    weights = isospectral(HIDDEN).weights(jax.tree.map(jnp.float32, params), TIMES)
    W = params["initial"]
    for i in range(STEPS):
        H = W.T @ params["Q"] @ W
        W = W @ scipy.linalg.expm(STEP * (H @ params["N"] - params["N"] @ H))
        np.testing.assert_allclose(weights[i], W, atol=1e-5)


def test_the_field_is_skew(flows):
    params, weights = flows
    b = double_bracket(params["Q"], params["N"], jnp.asarray(weights[:, -1]))
    np.testing.assert_allclose(b, -b.mT, atol=2e-6)
    assert np.abs(b).max() > 0.1


def test_the_spectrum_of_the_generator_is_constant(flows):
    params, weights = flows
    spectra = np.linalg.eigvalsh(generators(params, weights))
    expected = np.linalg.eigvalsh(params["Q"])[:, None]
    np.testing.assert_allclose(spectra, np.broadcast_to(expected, spectra.shape), atol=1e-5)


def test_weights_stay_orthogonal_in_their_component(flows):
    params, weights = flows
    np.testing.assert_allclose(weights.mT @ weights, np.broadcast_to(np.eye(HIDDEN), weights.shape), atol=5e-6)
    start = np.linalg.det(params["initial"])
    np.testing.assert_allclose(np.linalg.det(weights), np.broadcast_to(start[:, None], weights.shape[:2]), atol=1e-5)
    assert {-1, 1} == set(np.round(start))


def test_a_hundred_steps_of_a_wide_layer_stay_orthogonal():
    trajectory = isospectral(64)
    W = trajectory.weights(trajectory.init(jax.random.key(5)), jnp.arange(1, 101) / 100)[-1]
    assert Orthogonal().violation(W) < 1e-5


def test_the_overlap_with_n_does_not_fall(flows):
    params, weights = flows
    overlap = np.trace(generators(params, weights) @ params["N"][:, None], axis1=2, axis2=3)
    assert np.diff(overlap, axis=1).min() > -1e-5
    assert (overlap[:, -1] - overlap[:, 0]).min() > 0.1


def test_the_overlap_grows_at_the_squared_norm_of_the_bracket():
    with jax.enable_x64(True):
        Q, N, W = jax.random.normal(jax.random.key(1), (3, 5, 5))
        Q, N, W = Q + Q.T, N + N.T, jnp.linalg.qr(W)[0]
        velocity = W @ double_bracket(Q, N, W)
        rate = jax.jvp(lambda W: jnp.trace(W.T @ Q @ W @ N), (W,), (velocity,))[1]
        H = W.T @ Q @ W
        np.testing.assert_allclose(float(rate), float(jnp.sum((H @ N - N @ H) ** 2)), rtol=1e-12)


def test_a_long_flow_sorts_the_eigenvalues():
    """Brockett 1991: with N = diag(1..h) the limit is diagonal, in the order of N."""
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    eigenvalues = np.array([2.0, -1.0, 4.0, 0.5])
    params = {
        "initial": jnp.asarray(rotation, jnp.float32),
        "Q": jnp.diag(jnp.asarray(eigenvalues, jnp.float32)),
        "N": jnp.diag(jnp.arange(1.0, 5.0)),
    }
    W = np.asarray(isospectral(4).weights(params, jnp.arange(1, 1001) / 50)[-1])
    np.testing.assert_allclose(W.T @ np.diag(eigenvalues) @ W, np.diag(np.sort(eigenvalues)), atol=1e-3)


def test_generators_that_commute_never_move_the_identity():
    N = jnp.diag(jnp.arange(1.0, 5.0))
    params = {"initial": jnp.eye(4), "Q": N @ N - 3 * N, "N": N}
    weights = isospectral(4).weights(params, TIMES)
    np.testing.assert_array_equal(weights, np.broadcast_to(np.eye(4), weights.shape))


def gradients(weights, start):
    """∂loss/∂x_i for i = 0..L, [L + 1, h], along x ← x + η |W_i x|, with loss = Σ x_L."""

    def loss(nudges):
        def step(x, inputs):
            W, nudge = inputs
            return x + STEP * jnp.abs(W @ x) + nudge, None

        return jnp.sum(jax.lax.scan(step, start + nudges[0], (weights, nudges[1:]))[0] * loss_weights)

    loss_weights = jnp.arange(1.0, start.size + 1)
    return jax.grad(loss)(jnp.zeros((weights.shape[0] + 1, start.size)))


def ratios(weights, starts):
    """‖∂loss/∂x_{L−k}‖ / ‖∂loss/∂x_L‖ for k = 0..L, [batch, L + 1]."""
    norms = np.linalg.norm(jax.jit(jax.vmap(gradients))(weights, starts), axis=-1)
    return norms[:, ::-1] / norms[:, -1:]


def test_gradients_neither_vanish_nor_explode(flows):
    """Lemma 4.1 of Choromanski et al. 2020, with the constants of the Euler steps that run."""
    computed = ratios(jnp.asarray(flows[1]), jax.random.normal(jax.random.key(2), (20, HIDDEN)))
    k = np.arange(STEPS + 1)
    assert (computed >= (1 - STEP) ** k * (1 - 1e-5)).all()
    assert (computed <= (1 + STEP) ** k * (1 + 1e-5)).all()
    assert np.ptp(computed[:, -1]) > 0.01


def test_both_bounds_are_attained():
    """W = I: a step multiplies positive states by 1 + η, negative by 1 − η, which falls below 1/e."""
    weights = jnp.broadcast_to(jnp.eye(3), (2, STEPS, 3, 3))
    computed = ratios(weights, jnp.array([[-1.0, -2, -3], [1, 2, 3]]))
    np.testing.assert_allclose(computed[:, -1], [0.3604, 2.6658], atol=1e-4)
    assert computed[0, -1] < np.exp(-1)


def test_gradients_reach_every_parameter():
    trajectory = isospectral(3)
    params = trajectory.init(jax.random.key(3))
    times = TIMES[:5]

    @jax.jit
    def loss(params):
        return jnp.sum(trajectory.weights(params, times)[-1] * jnp.arange(9.0).reshape(3, 3))

    with jax.enable_x64(True):
        params = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), params)
        for key, gradient in jax.jit(jax.grad(loss))(params).items():
            direction = jnp.asarray(np.random.default_rng(4).normal(size=(3, 3)))
            up, down = (loss(params | {key: params[key] + s * direction}) for s in (1e-6, -1e-6))
            np.testing.assert_allclose(float(jnp.sum(gradient * direction)), float(up - down) / 2e-6, rtol=1e-6)


def test_an_unknown_solver_names_the_nearest():
    with pytest.raises(ValueError, match="lie_euler"):
        isospectral(4, solver="euler")
