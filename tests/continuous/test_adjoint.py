"""The generalised adjoint and the functional gradient, against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.continuous.adjoint import Loss, depth_loss, functional_gradient
from odes_rl.continuous.solving import Solving

LOSS = Loss(end=lambda z: jnp.sum(z**2), along=lambda t, z: jnp.sum(jnp.cos(z)) * (1 + t))
START = jnp.array([0.3, -0.8, 0.5])
DEPTH = 1.5
PRECISE = Solving(solver="bosh3", solver_steps=200, adjoint="checkpointed")


def field(t, z, theta):
    return jnp.tanh(theta["W"] @ z + theta["b"] * (1 + t))


@pytest.fixture
def theta():
    return {"W": jax.random.normal(jax.random.key(0), (3, 3)), "b": jnp.array([0.1, -0.2, 0.3])}


@pytest.mark.parametrize("adjoint", ["direct", pytest.param("checkpointed", marks=pytest.mark.slow), "backsolve"])
def test_the_gradient_of_a_loss_along_depth_follows_finite_differences(theta, adjoint):
    with jax.enable_x64(True):
        theta = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), theta)
        solving = PRECISE.model_copy(update={"adjoint": adjoint})

        @jax.jit
        def loss(theta):
            return depth_loss(solving, field, theta, jnp.asarray(START, jnp.float64), DEPTH, LOSS)

        gradient = jax.jit(jax.grad(loss))(theta)
        direction = jax.tree.map(jnp.ones_like, theta)
        moved = [loss(jax.tree.map(lambda p, d: p + e * d, theta, direction)) for e in (1e-5, -1e-5)]  # noqa: B023
        slope = float(moved[0] - moved[1]) / 2e-5
        along = sum(float(jnp.sum(leaf)) for leaf in jax.tree.leaves(gradient))
        assert along == pytest.approx(slope, rel=1e-5)


def test_the_functional_gradient_follows_finite_differences(theta):
    """Moving θ by εφ(s) changes ℓ by ε ∫ δℓ/δθ(s) φ(s) ds, for a φ that differs from depth to depth."""
    with jax.enable_x64(True):
        theta = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), theta)
        start = jnp.asarray(START, jnp.float64)

        def params_at(s, e=0.0):
            return jax.tree.map(lambda leaf: leaf * jnp.cos(s) + e * jnp.sin(3 * s + 1), theta)

        @jax.jit
        def moved(e):
            return depth_loss(PRECISE, lambda t, z, _: field(t, z, params_at(t, e)), None, start, DEPTH, LOSS)

        slope = float(moved(1e-5) - moved(-1e-5)) / 2e-5
        times = jnp.linspace(0, DEPTH, 201)
        found = jax.jit(lambda start: functional_gradient(PRECISE, field, params_at, start, times, LOSS))(start)
        weight = jnp.sin(3 * times + 1)
        total = sum(leaf.reshape(len(times), -1).sum(axis=1) for leaf in jax.tree.leaves(found))
        assert float(jnp.trapezoid(total * weight, times)) == pytest.approx(slope, rel=1e-4)


def test_with_constant_parameters_the_integral_of_the_functional_gradient_is_the_gradient(theta):
    times = jnp.linspace(0, DEPTH, 101)
    found = jax.jit(lambda start: functional_gradient(PRECISE, field, lambda s: theta, start, times, LOSS))(START)
    gradient = jax.jit(jax.grad(lambda theta: depth_loss(PRECISE, field, theta, START, DEPTH, LOSS)))(theta)
    for name in theta:
        np.testing.assert_allclose(jnp.trapezoid(found[name], times, axis=0), gradient[name], atol=2e-3)
