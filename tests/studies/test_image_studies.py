"""Stems of images, what is measured of their classifiers, and what gradients cost."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.continuous.solving import Solving, counting, solve
from odes_rl.errors import UserError
from odes_rl.supervised.data.loading import load_dataset
from odes_rl_studies.costs import evaluation_counter, gradient_megabytes
from odes_rl_studies.images import Images, ImagesConfig, error_measure, image_loss, load_images, make_stem


def config(**options):
    return ImagesConfig(study="unused", directory="unused", **options)


def test_images_are_those_of_the_source():
    images, whole = load_images(config()), load_dataset("digits")
    assert (images.side, images.classes) == (8, 10)
    np.testing.assert_array_equal(images.test[0][..., 0], whole.test.images)
    np.testing.assert_array_equal(images.train[1], whole.train.labels)


@pytest.mark.parametrize(
    ("options", "places", "channels"), [({"patch": 2}, 16, 4), ({"stem": "strided", "channels": 6}, 4, 6)]
)
def test_a_stem_makes_places_with_channels(options, places, channels):
    images = load_images(config(**options))
    stem = make_stem(config(**options), images)
    assert (stem.places, stem.channels) == (places, channels)
    start = stem.inputs.apply(stem.inputs.init(jax.random.key(0)), images.test[0][:3] / 255)
    assert start.shape == (3, int(places**0.5), int(places**0.5), channels)


def test_a_patch_that_does_not_fit_is_told():
    with pytest.raises(UserError, match="patch is 3, but must divide 8"):
        load_images(config(patch=3))


def test_images_are_not_moved_out_of_sight():
    with pytest.raises(UserError, match="shift is 8, but must be below 8, the side of the images"):
        load_images(config(shift=8))


def test_a_missing_file_is_told_by_the_name_of_the_studys_option():
    with pytest.raises(UserError, match=r"^source is 'nowhere\.npz'"):
        load_images(config(source="nowhere.npz"))


def hand_made():
    """Images of one place whose label is the larger channel, the last one labelled wrongly."""
    pixels = jnp.array([[255, 0], [0, 255], [255, 0], [0, 255]], jnp.uint8).reshape(4, 1, 1, 2)
    return Images((pixels, jnp.array([0, 1, 0, 0])), (pixels, jnp.array([0, 1, 0, 0])), 2)


def test_errors_and_losses_are_those_of_the_labels():
    def apply(params, x):
        return params * x.reshape(len(x), -1)

    images = hand_made()
    error = error_measure(apply, images)
    assert error(1.0) == 0.25
    assert error(1.0, 3) == 0.0
    assert error(float("nan")) == 1.0
    certain = image_loss(apply, images, 64)(jnp.array(1000.0), jax.random.key(0))
    drawn = jax.random.choice(jax.random.key(0), 4, (64,))
    np.testing.assert_allclose(certain, 1000 * np.mean(np.asarray(drawn) == 3), rtol=1e-5)


def test_training_images_are_moved_and_others_not():
    pixels = jnp.zeros((1, 5, 5, 1), jnp.uint8).at[0, 2, 2].set(255)
    images = Images((pixels, jnp.array([0])), (pixels, jnp.array([0])), 2)
    seen = []

    def apply(params, x):
        seen.append(x)
        return jnp.zeros((len(x), 2))

    image_loss(apply, images, 200, shift=1)({}, jax.random.key(0))
    places = {tuple(int(i) for i in place) for place in np.argwhere(np.asarray(seen[0][..., 0]) == 1)[:, 1:]}
    assert places == {(i, j) for i in (1, 2, 3) for j in (1, 2, 3)}
    image_loss(apply, images, 20)({}, jax.random.key(0))
    np.testing.assert_array_equal(seen[1], jnp.repeat(pixels, 20, 0) / 255)


@pytest.mark.parametrize("steps", [3, 8])
def test_evaluations_of_euler_are_its_steps(steps):
    def counted(count):
        field = counting(lambda t, z, rate: rate * z, count)
        solving = Solving(solver="euler", solver_steps=steps)
        return lambda rate: solve(solving, field, rate, jnp.ones(2), jnp.array([0.0, 1.0])).states.sum()

    evaluations = evaluation_counter(counted)
    assert evaluations(jnp.array(0.5)) == evaluations(jnp.array(-1.0)) == steps


def test_a_gradient_that_keeps_more_needs_more_memory():
    def loss(times):
        def advance(z, _):
            return jnp.tanh(z), None

        return lambda z: jax.lax.scan(advance, z, None, times)[0].sum()

    few, many = (gradient_megabytes(loss(times), jnp.ones(10_000)) for times in (10, 100))
    assert few > 0.3  # ten states of 40 kB
    assert many > 5 * few
