"""Affine corruptions: shear, scale, rotation, translation. Images [n, h, w] in float, each with a chance of its own."""

from collections.abc import Callable
from itertools import product

import numpy as np


def shear(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Sheared by an angle of 0.4 to either side, about the centre; rows come closer by its cosine."""
    sine, cosine = np.sin(0.4), np.cos(0.4)
    return _to_either_side(images, generator, lambda x, side: _warp(x, [[1, -side * sine], [0, cosine]]))


def scale(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Shrunk to 0.7 of its size, about the centre."""
    return _warp(images, [[1 / 0.7, 0], [0, 1 / 0.7]])


def rotate(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Turned by 0.4 radians to either side, about the centre."""
    sine, cosine = np.sin(0.4), np.cos(0.4)
    return _to_either_side(images, generator, lambda x, side: _warp(x, [[cosine, -side * sine], [side * sine, cosine]]))


def translate(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Moved by 3 of 28 pixels along both axes, each to either side."""
    pixels = max(round(3 * images.shape[-1] / 28), 1)
    sides = generator.choice([-1, 1], (len(images), 2))
    result = np.empty(images.shape)
    for right, down in product((-1, 1), repeat=2):
        chosen = (sides == (right, down)).all(axis=1)
        result[chosen] = _warp(images[chosen], [[1, 0], [0, 1]], (right * pixels, down * pixels))
    return result


def _to_either_side(
    images: np.ndarray, generator: np.random.Generator, warp: Callable[[np.ndarray, int], np.ndarray]
) -> np.ndarray:
    sides = generator.choice([-1, 1], len(images))
    result = np.empty(images.shape)
    for side in (-1, 1):
        result[sides == side] = warp(images[sides == side], side)
    return result


def _warp(images: np.ndarray, matrix: list[list[float]], move: tuple[int, int] = (0, 0)) -> np.ndarray:
    """[n, h, w] the images at M p + move for each place p (column, row), both from the centre.

    Between pixels they are linear, outside zero.
    """
    _, height, width = images.shape
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    places = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1) - centre
    sources = places @ np.asarray(matrix, float).T + centre + move
    corner = np.floor(sources).astype(int)
    part = sources - corner
    result = np.zeros(images.shape)
    for right, down in product((0, 1), repeat=2):
        column, row = corner[..., 0] + right, corner[..., 1] + down
        weight = np.abs(1 - right - part[..., 0]) * np.abs(1 - down - part[..., 1])
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        result += weight * inside * images[:, np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    return result
