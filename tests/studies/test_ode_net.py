"""The classifiers of the study: RK-Net and ODE-Net are one flow, a residual network adds up its blocks."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from odes_rl_studies.images import load_images, make_stem, scaled
from odes_rl_studies.ode_net_models import OdeNetConfig, build

CONFIG = OdeNetConfig(directory="unused", width=3, channels=4, blocks=8, hidden=5)
IMAGES = load_images(CONFIG)
X = scaled(IMAGES.test[0][:6])


def test_rk_net_and_ode_net_are_one_flow():
    fixed, adaptive = (build(name, CONFIG, IMAGES, tolerance=1e-6) for name in ("RK-Net", "ODE-Net"))
    params = fixed.init(jax.random.key(0))
    assert optax.tree.size(params) == optax.tree.size(adaptive.init(jax.random.key(0)))
    np.testing.assert_allclose(adaptive.apply(params, X), fixed.apply(params, X), rtol=0.02, atol=0.02)


def test_a_residual_network_adds_up_its_blocks():
    network = build("ResNet", CONFIG, IMAGES)
    params = network.init(jax.random.key(0))
    assert {leaf.shape[0] for leaf in jax.tree.leaves(params["blocks"])} == {8}
    only_bias = jax.tree.map(jnp.zeros_like, params["blocks"])
    only_bias[-1]["bias"] = jnp.arange(32.0).reshape(8, 4)
    inputs, output = params["inputs"], params["output"]
    stem = make_stem(CONFIG, IMAGES).inputs.apply({}, X)
    end = stem @ inputs["second"]["weight"].T + inputs["second"]["bias"] + jnp.arange(32.0).reshape(8, 4).sum(0)
    expected = end.reshape(6, -1) @ output["weight"].T + output["bias"]
    np.testing.assert_allclose(network.apply(params | {"blocks": only_bias}, X), expected, rtol=1e-4, atol=1e-4)


def test_one_hidden_layer_has_the_parameters_of_two_affine_maps():
    params = build("one hidden layer", CONFIG, IMAGES).init(jax.random.key(0))
    assert optax.tree.size(params) == 64 * 5 + 5 + 5 * 10 + 10
