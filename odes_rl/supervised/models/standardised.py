"""Models whose inputs are standardised by statistics of the training images."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.supervised.models.model import HiddenLayers, Model, Params

_ROUNDING = 1e-7
"""Deviation below which an entry never varies: one of a million images that differs in one shade has 4e-6."""


class ImageMoments(NamedTuple):
    """Mean and deviation of an image's entries as floats from 0 to 1, each [h, w] or, in colour, [h, w, 3]."""

    mean: np.ndarray
    deviation: np.ndarray


def image_moments(images: np.ndarray, by_pixel: bool) -> ImageMoments:
    """Moments of `images` [N, h, w] or [N, h, w, 3] uint8: of each pixel, or of all pixels together; of each channel.

    The deviation of entries that never vary is 1.
    """
    sums = images.sum(axis=0, dtype=np.int64)
    squares = np.einsum("n...,n...->...", images, images, dtype=np.int64)
    mean, square = (np.asarray(x / (len(images) * 255**power)) for x, power in ((sums, 1), (squares, 2)))
    if not by_pixel:
        mean, square = (np.broadcast_to(x.mean(axis=(0, 1)), x.shape) for x in (mean, square))
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    return ImageMoments(mean, np.where(deviation > _ROUNDING, deviation, 1))


def standardised(model: Model, moments: ImageMoments, shape: tuple[int, ...]) -> Model:
    """`model` for inputs [B, *shape], of which its first layer sees (inputs − mean) / deviation.

    What the model takes pixels to have, `Model.pixels`, no longer counts. Its `layers` are for the inputs.
    """
    taken_mean, taken_deviation = model.pixels
    deviation = moments.deviation / taken_deviation
    mean = moments.mean - taken_mean * deviation
    mean, deviation = (jnp.asarray(x.reshape(shape), jnp.float32) for x in (mean, deviation))

    def seen(inputs: jax.Array) -> jax.Array:
        return (inputs - mean) / deviation

    def layers(params: Params) -> HiddenLayers:
        assert model.layers is not None
        found = model.layers(params)
        weight = found.input["weight"] / deviation
        return found._replace(input={"weight": weight, "bias": found.input["bias"] - weight @ mean})

    def trace(params: Params, inputs: jax.Array, shifts: Any) -> Any:
        assert model.trace is not None
        return model.trace(params, seen(inputs), shifts)

    def settle(params: Params, inputs: jax.Array) -> Params:
        assert model.settle is not None
        return model.settle(params, seen(inputs))

    return model._replace(
        apply=lambda params, inputs, key: model.apply(params, seen(inputs), key),
        layers=layers if model.layers else None,
        trace=trace if model.trace else None,
        settle=settle if model.settle else None,
    )
