"""Inputs standardised by statistics of the training images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.inspection.layerwise import look_through
from odes_rl.supervised.models import make_model
from odes_rl.supervised.models.images.residual_networks import ImageAutoConfig
from odes_rl.supervised.models.node import NodeConfig
from odes_rl.supervised.models.standardised import image_moments, standardised

GENERATOR = np.random.default_rng(0)
COLOURED = GENERATOR.integers(0, 200, (50, 4, 5, 3), np.uint8)


def by_numpy(images, axes):
    floats = images / 255
    mean, deviation = (np.broadcast_to(f(axes), images.shape[1:]) for f in (floats.mean, floats.std))
    return mean, np.where(deviation > 1e-9, deviation, 1)


@pytest.mark.parametrize("images", [COLOURED, COLOURED[..., 0]], ids=["coloured", "grey"])
def test_moments_are_those_of_pixels_or_of_channels(images):
    images = images.copy()
    images[:, 0, 0] = 7  # a pixel that never varies
    for by_pixel, axes in ((True, 0), (False, (0, 1, 2))):
        for found, expected in zip(image_moments(images, by_pixel), by_numpy(images, axes), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_model_sees_standardised_inputs_and_its_layers_take_the_inputs_themselves():
    config = NodeConfig(width=8, steps=3)
    plain = make_model(config, 60, 4)
    model = standardised(plain, image_moments(COLOURED, by_pixel=True), (60,))
    params = plain.init(jax.random.key(0))
    inputs = COLOURED.reshape(-1, 60) / np.float32(255)
    seen = (inputs - inputs.mean(0)) / inputs.std(0)
    expected = jax.jit(plain.apply)(params, jnp.asarray(seen), None)
    np.testing.assert_allclose(jax.jit(model.apply)(params, jnp.asarray(inputs), None), expected, rtol=1e-4, atol=1e-5)
    labels = np.zeros(50, np.int32)
    assert model.layers is not None
    assert plain.layers is not None
    found, wanted = look_through(model.layers(params), inputs, labels), look_through(plain.layers(params), seen, labels)
    np.testing.assert_allclose(found.states, wanted.states, rtol=1e-4, atol=1e-5)


def test_standardised_inputs_come_in_place_of_what_a_model_of_images_makes_of_pixels():
    plain = make_model(ImageAutoConfig(width=4, stages=1, steps=2), (4, 5, 3), 4)
    model = standardised(plain, image_moments(COLOURED, by_pixel=False), (4, 5, 3))
    params = plain.init(jax.random.key(0))
    pixels = COLOURED / np.float32(255)
    seen = (pixels - pixels.mean((0, 1, 2))) / pixels.std((0, 1, 2))
    mean, deviation = plain.pixels
    expected = jax.jit(plain.apply)(params, jnp.asarray(seen * deviation + mean), None)
    np.testing.assert_allclose(jax.jit(model.apply)(params, jnp.asarray(pixels), None), expected, rtol=1e-4, atol=1e-5)


def test_logits_that_are_not_finite_are_wrong():
    model = make_model(NodeConfig(width=8, steps=3), 60, 4)
    params = jax.tree.map(lambda leaf: jnp.full_like(leaf, jnp.nan), model.init(jax.random.key(0)))
    inputs = jnp.asarray(COLOURED.reshape(-1, 60) / np.float32(255))
    loss, measures = model.measure(params, (inputs, jnp.zeros(50, int)), None)
    assert np.isnan(loss)
    assert measures["accuracy"] == 0
