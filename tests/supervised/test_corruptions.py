"""The corruptions do what the benchmark's numbers say."""

import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl.supervised.data.corruptions import CORRUPTIONS, corrupt

CHANCE = set(CORRUPTIONS) - {"identity", "stripe", "scale"}


def blocks(count=40, size=28):
    """Images with a grey block somewhere in the middle."""
    generator = np.random.default_rng(0)
    images = np.zeros((count, size, size), np.uint8)
    for image in images:
        row, column = generator.integers(size // 4, size // 2, 2)
        image[row : row + size // 5, column : column + size // 5] = generator.integers(100, 256)
    return images


def centroid(images):
    weights = images / images.sum(axis=(1, 2), keepdims=True)
    axis = np.arange(images.shape[-1])
    return np.stack([(weights.sum(axis=1) * axis).sum(-1), (weights.sum(axis=2) * axis).sum(-1)], -1)


@pytest.mark.parametrize("size", [28, 8])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_a_pure_function_that_changes_most_images(name, size):
    images = blocks(size=size)
    corrupted = corrupt(name, images, 3)
    assert corrupted.shape == images.shape
    assert corrupted.dtype == np.uint8
    np.testing.assert_array_equal(corrupted, corrupt(name, images, 3))
    changed = (corrupted != images).any(axis=(1, 2)).mean()
    assert changed == 0 if name == "identity" else changed > (0.8 if size == 28 else 0.5)
    assert np.array_equal(corrupted, corrupt(name, images, 4)) == (name not in CHANCE)


@pytest.mark.parametrize("name", sorted(CHANCE))
def test_each_image_has_a_chance_of_its_own(name):
    same = np.repeat(blocks(1), 30, axis=0)
    assert len({image.tobytes() for image in corrupt(name, same, 0)}) > 1


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_image_is_corrupted_alike_in_a_batch_and_alone(name):
    images = blocks(9)
    batch = corrupt(name, images, 5)
    for part in (slice(4), *(slice(i, i + 1) for i in range(1 if name in CHANCE else 9))):
        np.testing.assert_array_equal(corrupt(name, images[part], 5), batch[part])


def test_translation_is_by_three_pixels_along_both_axes():
    images = blocks()
    moves = centroid(corrupt("translate", images, 0)) - centroid(images)
    np.testing.assert_allclose(np.abs(moves), 3, atol=1e-6)
    assert len({tuple(move.round()) for move in moves}) == 4


def test_scaling_shrinks_to_seven_tenths_about_the_centre():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:24, 4:24] = 200
    small = corrupt("scale", image, 0)[0]
    np.testing.assert_allclose(small.sum() / image.sum(), 0.49, rtol=0.02)
    np.testing.assert_array_equal(small, small[::-1, ::-1])
    assert small[13, 13] == 200


def test_rotation_is_by_four_tenths_of_a_radian_to_either_side():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 13:15, 20:24] = 255
    turned = centroid(corrupt("rotate", np.repeat(image, 50, axis=0), 0)) - 13.5
    angles = np.arctan2(turned[:, 1], turned[:, 0])
    assert sorted(set(angles.round(2))) == pytest.approx([-0.4, 0.4], abs=0.02)


def test_shear_moves_rows_in_proportion_to_their_height_over_the_centre():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 5:7, 13:15] = 255
    moved = centroid(corrupt("shear", np.repeat(image, 50, axis=0), 0)) - 13.5
    assert np.abs(moved[:, 0]) == pytest.approx(8 * np.tan(0.4), abs=0.2)
    assert moved[:, 1] == pytest.approx(-8 / np.cos(0.4), abs=0.2)
    assert len(set(np.sign(moved[:, 0]))) == 2


def test_stripes_are_inverted_outer_quarters():
    images = blocks()
    striped = corrupt("stripe", images, 0)
    for columns in (slice(0, 7), slice(21, 28)):
        np.testing.assert_array_equal(striped[..., columns], 255 - images[..., columns])
    np.testing.assert_array_equal(striped[..., 7:21], images[..., 7:21])
    narrow = images[..., 12:15]  # without a quarter
    np.testing.assert_array_equal(corrupt("stripe", narrow, 0), narrow)


def test_shot_noise_has_the_mean_and_variance_of_photons():
    grey = np.full((400, 28, 28), 51, np.uint8)  # a fifth: three photons' brightness is rarely passed
    noisy = corrupt("shot_noise", grey, 0) / 255
    levels = np.minimum(np.random.default_rng(1).poisson(0.6, 10**6) / 3, 1)
    assert noisy.mean() == pytest.approx(levels.mean(), rel=0.01)
    assert noisy.var() == pytest.approx(levels.var(), rel=0.02)


@pytest.mark.parametrize("name", ["motion_blur", "glass_blur"])
def test_blur_keeps_brightness_and_spreads_it(name):
    images = blocks()
    blurred = corrupt(name, images, 0)
    np.testing.assert_allclose(blurred.sum(axis=(1, 2)), images.sum(axis=(1, 2)), rtol=0.05)
    assert (blurred.max(axis=(1, 2)) <= images.max(axis=(1, 2))).all()
    assert (np.count_nonzero(blurred, axis=(1, 2)) > np.count_nonzero(images, axis=(1, 2))).all()


@pytest.mark.parametrize("size", [28, 8])
def test_a_dotted_line_brightens_every_other_pair_of_columns_but_the_last_column(size):
    drawn = corrupt("dotted_line", np.zeros((50, size, size), np.uint8), 0)
    columns = np.arange(size)
    expected = (columns // 2 % 2 == 1) & (columns < size - 1)
    np.testing.assert_array_equal(drawn.max(axis=1) > 100, np.tile(expected, (50, 1)))
    images = blocks(size=size)
    assert (corrupt("dotted_line", images, 0) >= images).all()
    row = images[:, :1]
    assert (corrupt("dotted_line", row, 0) >= row).all()


def test_glass_blurs_along_columns_more_than_along_rows():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 10:18, 10:18] = 255
    mean = corrupt("glass_blur", np.repeat(image, 100, axis=0), 0).mean(axis=0)
    assert mean[18:].sum() > 1.2 * mean[:, 18:].sum()


def test_a_dotted_line_is_straight():
    drawn = corrupt("dotted_line", np.zeros((50, 28, 28), np.uint8), 0)
    columns = np.flatnonzero(drawn[0].max(axis=0))
    middles = drawn.argmax(axis=1)[:, columns]
    slopes, starts = np.polyfit(columns, middles.T, 1)
    assert np.abs(middles - slopes[:, None] * columns - starts[:, None]).max() <= 1
    assert slopes.min() < -0.3
    assert slopes.max() > 0.3


def test_mud_is_grey_and_covers_a_part():
    white = np.full((50, 28, 28), 255, np.uint8)
    muddy = corrupt("spatter", white, 0)
    assert muddy.min() == pytest.approx(63, abs=2)
    assert 0.02 < (muddy < 255).mean() < 0.3


def test_an_unknown_corruption_is_told_with_the_nearest():
    with pytest.raises(UserError, match=r"'strip'.*'stripe'"):
        corrupt("strip", blocks(), 0)
