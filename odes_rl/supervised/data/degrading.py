"""Noise and blur: shot noise, glass, motion. Images [n, h, w] in float, each with a chance of its own."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

_TAPS = 10
"""Of the motion's kernel: the rest is below a hundredth of its largest weight."""


def shot_noise(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Photons: Poisson of three times the brightness, over three."""
    return generator.poisson(3 * images) / 3


def glass_blur(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Pixels swapped with neighbours, twice over, between two blurs of deviation 0.7 along columns.

    The benchmark's program blurs along columns alone, since it takes rows for colours.
    """
    x = np.floor(255 * _blurred(images)) / 255
    n, height, width = images.shape
    every = np.arange(n)
    chances = generator.integers(0, 8, (n, 2, height, width), np.uint8)  # of three bits: whether, how far up, and left
    for chance in chances.swapaxes(0, 1):
        for row in range(height - 1, 1, -1):
            for column in range(width - 1, 1, -1):
                bits = chance[:, row, column].astype(int)
                swapped = bits & 1
                rows, columns = row - swapped * (bits >> 1 & 1), column - swapped * (bits >> 2)
                other = x[every, rows, columns]
                x[every, rows, columns] = x[:, row, column]
                x[:, row, column] = other
    return _blurred(x)


def motion_blur(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Smeared to one side along a line up to 45° from the rows, by half a Gaussian of deviation 3 of 28 pixels."""
    n, height, width = images.shape
    angles = generator.uniform(-np.pi / 4, np.pi / 4, n)
    distances = np.arange(_TAPS)
    weights = np.exp(-((distances / 3) ** 2) / 2)
    unit = width / 28
    rows, columns = np.arange(height)[None, :, None], np.arange(width)[None, None, :]
    result = np.zeros(images.shape)
    for distance, weight in zip(distances * unit, weights / weights.sum(), strict=True):
        down, right = (np.round(distance * f(angles)).astype(int)[:, None, None] for f in (np.sin, np.cos))
        source = (np.clip(rows + down, 0, height - 1), np.clip(columns + right, 0, width - 1))
        result += weight * images[np.arange(n)[:, None, None], *source]
    return result


def _blurred(images: np.ndarray) -> np.ndarray:
    return gaussian_filter1d(images, 0.7, axis=1, mode="nearest")
