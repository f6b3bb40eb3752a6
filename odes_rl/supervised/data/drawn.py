"""Corruptions drawn over float images [n, h, w]: stripes, mud, a dotted line; drawn separately for each image."""

import numpy as np
from scipy.ndimage import gaussian_filter

_MUD = 63 / 255
"""Its grey."""
_REACH = 2.3
"""Of a line to either side of it, in pixels."""


def stripe(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Inverted in the outer quarters, left and right."""
    quarter = images.shape[-1] // 4
    x = images.copy()
    for columns in (slice(None, quarter), slice(images.shape[-1] - quarter, None)):
        x[..., columns] = 1 - x[..., columns]
    return x


def spatter(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Spots of mud, where smoothed noise is high."""
    liquid = gaussian_filter(generator.normal(0.65, 0.3, images.shape), (0, 1, 1), mode="nearest")
    spots = gaussian_filter((liquid > 0.65).astype(float), (0, 1.5, 1.5), mode="nearest")
    spots[spots < 0.8] = 0
    return images * (1 - spots) + _MUD * spots


def dotted_line(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A line from border to border, two columns of it and two not, whose brightness falls off to both sides.

    The last column stays as it is, in the benchmark's program too.
    """
    n, height, width = images.shape
    ends = generator.integers(0, max(height - 1, 1), (n, 2))
    columns = np.arange(width)
    middle = ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * columns / max(width - 1, 1)
    distance = np.abs(np.arange(height)[None, :, None] - middle[:, None, :])
    line = np.clip(np.log(np.maximum(1 - distance / _REACH, 1e-10)) + 1, 0, 1)
    return images + line * ((columns // 2 % 2 == 1) & (columns < width - 1))
