"""The corruptions of MNIST-C (Mu & Gilmer 2019) that Choromanski et al. 2020 have in their tables."""

from collections.abc import Callable

import numpy as np

from odes_rl.errors import check_name
from odes_rl.supervised.data.affine import rotate, scale, shear, translate
from odes_rl.supervised.data.degrading import glass_blur, motion_blur, shot_noise
from odes_rl.supervised.data.drawn import dotted_line, spatter, stripe


def identity(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The images unchanged."""
    return images


CORRUPTIONS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "dotted_line": dotted_line,
    "spatter": spatter,
    "stripe": stripe,
    "translate": translate,
    "rotate": rotate,
    "scale": scale,
    "shear": shear,
    "motion_blur": motion_blur,
    "glass_blur": glass_blur,
    "shot_noise": shot_noise,
    "identity": identity,
}
"""Each at the benchmark's severity, in the tables' order: from images [n, h, w] in [0, 1] to others, unclipped."""


def corrupt(name: str, images: np.ndarray, seed: int) -> np.ndarray:
    """[n, h, w] uint8: the images [n, h, w] uint8 corrupted; a pure function of all three arguments.

    Stripes, `translate` and `motion_blur` have the benchmark's lengths at 28 pixels, and others in proportion; mud,
    glass and the dotted line have them at any size, since parts of a pixel would leave none. An image's chance depends
    on those before it, never on those after: the first of a batch are corrupted alike in any batch.

    Raises:
        UserError: if no corruption is called `name`; names the nearest.
    """
    corruption = CORRUPTIONS[check_name("corruption", name, CORRUPTIONS)]
    generator = np.random.default_rng([seed, *name.encode()])
    return np.rint(255 * np.clip(corruption(images / 255, generator), 0, 1)).astype(np.uint8)
