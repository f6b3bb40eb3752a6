"""Reflection: what trajectories that cannot cross allow, and what learns φ(x) = −x."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl_studies.reflection import LEAST_MONOTONE_ERROR, ReflectionConfig, model, reflect

CONFIG = ReflectionConfig(directory="unused", steps=600)


@cache
def learned(name):
    return reflect(name, CONFIG, lambda line: None)


@pytest.mark.slow
def test_a_neural_ode_rises_with_its_input_and_stays_above_the_least_error():
    found = learned("neural ODE")
    assert (np.diff(found.outputs) > 0).all()
    assert found.error > 0.99 * LEAST_MONOTONE_ERROR


@pytest.mark.parametrize("seed", range(3))
def test_a_neural_ode_rises_with_its_input_whatever_its_weights(seed):
    network = model("neural ODE", CONFIG)
    params = jax.tree.map(lambda leaf: 2 * leaf, network.init(jax.random.key(seed)))
    outputs = network.apply(params, jnp.linspace(-1, 1, 51)[:, None])[0][:, 0]
    assert (jnp.diff(outputs) > 0).all()


@pytest.mark.parametrize(
    "name",
    [
        "data control",
        pytest.param("adaptive depth", marks=pytest.mark.slow),
        pytest.param("zero augmentation", marks=pytest.mark.slow),
    ],
)
def test_the_others_learn_it(name):
    found = learned(name)
    assert found.error < 1e-3
    assert found.outputs[0] > 0.9
    assert found.outputs[-1] < -0.9


@pytest.mark.slow
def test_adaptive_depth_is_negative_for_half_of_the_inputs():
    depths = learned("adaptive depth").depths
    assert depths[0] * depths[-1] < 0


def test_adaptive_depth_is_exact_with_a_constant_field_and_depth_twice_the_input():
    with jax.enable_x64(True):  # the solver's own error, not that of float32
        network = model("adaptive depth", CONFIG)
        params = jax.tree.map(jnp.zeros_like, network.init(jax.random.key(0)))
        params["field"][-1]["bias"] = jnp.array([-1.0])
        params["depth"]["weight"] = jnp.array([2.0])
        x = jnp.linspace(-1, 1, 11)[:, None]
        np.testing.assert_allclose(network.apply(params, x)[0], -x, atol=1e-6)


def test_depth_may_be_a_network_of_the_input():
    network = model("depth by a network", CONFIG)
    params = jax.tree.map(jnp.zeros_like, network.init(jax.random.key(0)))
    params["field"][-1]["bias"] = jnp.array([-1.0])  # z goes down by g(x) = 2 tanh x
    params["depth"][0]["weight"] = params["depth"][0]["weight"].at[0].set(1.0)
    params["depth"][-1]["weight"] = params["depth"][-1]["weight"].at[0, 0].set(2.0)
    x = jnp.linspace(-1, 1, 5)[:, None]
    np.testing.assert_allclose(network.apply(params, x)[0], x - 2 * jnp.tanh(x), atol=1e-5)
