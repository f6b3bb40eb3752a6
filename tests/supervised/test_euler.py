"""Euler steps beside a scan that multiplies step by step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from odes_rl.act.activations import ARRAY_ACTIVATIONS, activate
from odes_rl.supervised.models.euler import euler_steps

STEPS, BATCH, WIDTH = 6, 5, 4
STEP = 0.3


def arrays(weights, biases):
    """x_0, W and b; a shape without the number of steps is one for all."""
    draw = np.random.default_rng(0).normal
    return jnp.array(draw(size=(BATCH, WIDTH))), jnp.array(draw(size=weights)), jnp.array(draw(size=biases))


def step_by_step(activation, x, W, b):
    layers = jnp.broadcast_to(W, (STEPS, WIDTH, WIDTH)), jnp.broadcast_to(b, (STEPS, WIDTH))
    return lax.scan(lambda x, own: (x + STEP * activate(activation, x @ own[0].T + own[1]), None), x, layers)[0]


@pytest.mark.parametrize("activation", ARRAY_ACTIVATIONS)
@pytest.mark.parametrize("biases", [(WIDTH,), (STEPS, WIDTH)])
@pytest.mark.parametrize("weights", [(WIDTH, WIDTH), (STEPS, WIDTH, WIDTH)])
def test_values_and_derivatives_are_those_of_a_scan(weights, biases, activation):
    with jax.enable_x64(True):
        point, change = arrays(weights, biases), arrays(weights, biases)
        results = []
        for function in (
            lambda *given: euler_steps(activation, STEP, STEPS, *given),
            lambda *given: step_by_step(activation, *given),
        ):
            value, moved = jax.jvp(function, point, change)
            gradient = jax.grad(lambda *given, f=function: jnp.sum(f(*given) ** 2), argnums=(0, 1, 2))
            results.append((value, moved, gradient(*point), jax.jvp(gradient, point, change)[1]))
        jax.tree.map(lambda ours, theirs: np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10), *results)


def test_a_batch_of_networks_is_each_of_them():
    x, W, b = arrays((3, WIDTH, WIDTH), (3, STEPS, WIDTH))
    together = jax.vmap(lambda W, b: euler_steps("abs", STEP, STEPS, x, W, b))(W, b)
    alone = [euler_steps("abs", STEP, STEPS, x, W[k], b[k]) for k in range(3)]
    np.testing.assert_allclose(together, jnp.stack(alone), rtol=1e-5)
