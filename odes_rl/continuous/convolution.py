"""Convolutions of images, with gradients that are fast inside loops on a CPU too."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

_IMAGES = ("NHWC", "HWIO", "NHWC")


@jax.custom_vjp
def convolve(images: jax.Array, kernel: jax.Array) -> jax.Array:
    """[B, H, W, m] `images` [B, H, W, n] convolved with `kernel` [k, k, n, m], k odd, zeros around.

    In JAX's default precision, which `jax_default_matmul_precision` sets: some accelerators round factors to fewer bits
    than float32 has. It has reverse derivatives, which have forward and reverse derivatives themselves, and no forward
    ones.
    """
    return _plain(images, kernel)


def squares(images: jax.Array, side: int = 2) -> jax.Array:
    """[B, ⌈H/side⌉, ⌈W/side⌉, side² c] the squares of `side` × `side` places of `images` [B, H, W, c].

    There are zeros beyond the last places.
    """
    images = jnp.pad(images, ((0, 0), (0, -images.shape[1] % side), (0, -images.shape[2] % side), (0, 0)))
    count, height, width, channels = images.shape
    parts = images.reshape(count, height // side, side, width // side, side, channels).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(count, height // side, width // side, side**2 * channels)


def _forward(images: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return convolve(images, kernel), (images, kernel)


def _backward(kept: tuple[jax.Array, jax.Array], change: jax.Array) -> tuple[jax.Array, jax.Array]:
    images, kernel = kept
    turned = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    by_kernel = lax.platform_dependent(
        images, change, cpu=partial(_in_usual_order, kernel.shape[0]), default=partial(_as_xla_has_it, kernel)
    )
    return _plain(change, turned), by_kernel


def _in_usual_order(side: int, images: jax.Array, change: jax.Array) -> jax.Array:
    """[k, k, n, m] gradient by the kernel: a convolution in which examples and channels have changed places.

    XLA knows that form too, but inside a loop on a CPU it finds its fast convolution only if it is given it in the
    usual order of axes. The barriers keep the transpositions from being merged into the convolution again.
    """
    examples = lax.optimization_barrier(images.transpose(3, 1, 2, 0))
    filters = lax.optimization_barrier(change.transpose(1, 2, 0, 3))
    around = [(side // 2, side // 2)] * 2
    found = lax.conv_general_dilated(examples, filters, (1, 1), around, dimension_numbers=_IMAGES)
    return found.transpose(1, 2, 0, 3)


def _as_xla_has_it(kernel: jax.Array, images: jax.Array, change: jax.Array) -> jax.Array:
    """[k, k, n, m] the same gradient, by JAX's own rule."""
    _, backward = jax.vjp(lambda k: _plain(images, k), kernel)
    return backward(change)[0]


def _plain(images: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=_IMAGES)


convolve.defvjp(_forward, _backward)
