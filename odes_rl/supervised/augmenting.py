"""Augmentation of training images: shifts and flips, each image by itself."""

from math import prod

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.errors import UserError
from odes_rl.supervised.config import DataConfig
from odes_rl.supervised.learner import Augment


def make_augmentation(config: DataConfig, shape: tuple[int, ...]) -> Augment | None:
    """What `config` asks for, on images of `shape` (h, w) or (h, w, n), also if they come as [B, hwn]; None if nothing.

    A pure function of images and key.

    Raises:
        UserError: if images could be moved out of their frames.
    """
    if config.crop >= min(shape[:2]):
        raise UserError(
            f"data.crop is {config.crop}, which moves images of {shape[0]} × {shape[1]} out of their frames: give less"
        )
    if not config.crop and not config.flip:
        return None
    whole = (*shape[:2], prod(shape[2:]))

    def augment(images: jax.Array, key: jax.Array) -> jax.Array:
        crop_key, flip_key = jax.random.split(key)
        changed = images.reshape(-1, *whole)
        changed = cropped(changed, config.crop, crop_key) if config.crop else changed
        changed = flipped(changed, flip_key) if config.flip else changed
        return changed.reshape(images.shape)

    return augment


def cropped(images: jax.Array, margin: int, key: jax.Array) -> jax.Array:
    """[B, h, w, n] images cut out of themselves with zeros around, `margin` wide: moved by −margin to margin pixels."""
    around = jnp.pad(images, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    corners = jax.random.randint(key, (images.shape[0], 2), 0, 2 * margin + 1)
    return jax.vmap(lambda image, corner: lax.dynamic_slice(image, (*corner, 0), images.shape[1:]))(around, corners)


def flipped(images: jax.Array, key: jax.Array) -> jax.Array:
    """[B, h, w, n] images, each turned left to right with probability ½."""
    chosen = jax.random.bernoulli(key, 0.5, (images.shape[0],))
    return jnp.where(chosen[:, None, None, None], images[:, :, ::-1], images)
