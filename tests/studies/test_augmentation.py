"""Augmentation: a flow at rest is its affine map, whichever the state."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl_studies.augmentation import MODELS, AugmentationConfig, build
from odes_rl_studies.images import load_images, make_stem, scaled

CONFIG = AugmentationConfig(directory="unused", width=3, added=2)
IMAGES = load_images(CONFIG)
CHANNELS = {"neural ODE": 4, "zero augmentation": 6, "input layer": 6, "second order": 8}


@pytest.mark.parametrize("name", MODELS)
def test_where_the_field_is_zero_logits_are_affine_in_the_start(name):
    network = build(name, CONFIG, IMAGES)
    params = network.init(jax.random.key(0))
    params["field"] = jax.tree.map(jnp.zeros_like, params["field"])
    x = scaled(IMAGES.test[0][:6])
    logits, _ = network.apply(params, x)
    start = np.asarray(network.flow(params, x, jnp.array([0.0, 1.0])).states[0])
    assert start.shape == (6, 4, 4, CHANNELS[name])
    if name != "input layer":
        np.testing.assert_array_equal(start[..., :4], make_stem(CONFIG, IMAGES).inputs.apply({}, x))
        assert not start[..., 4:].any()
    expected = start.reshape(6, -1) @ params["output"]["weight"].T + params["output"]["bias"]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_each_evaluation_is_counted():
    calls = []
    network = build("neural ODE", CONFIG, IMAGES, lambda: calls.append(1))
    _, steps = network.apply(network.init(jax.random.key(0)), scaled(IMAGES.test[0][:6]))
    jax.effects_barrier()
    assert len(calls) >= 6 * steps  # dopri5 evaluates six times a step
