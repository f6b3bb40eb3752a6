"""Input networks x ↦ z(0): where a state begins, and how much larger it is than the input."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.continuous.affine_layer import AFFINE, affine, init_affine
from odes_rl.continuous.convolution import convolve, squares
from odes_rl.continuous.normalising import Scaled
from odes_rl.flows.trajectories.trajectory import Params
from odes_rl.manifolds import Euclidean
from odes_rl.manifolds.matrix_functions import matmul


class Inputs(NamedTuple):
    """An input network as pure functions.

    Attributes:
        init: `init(key) -> params`.
        manifolds: mirrors `params`.
        apply: `apply(params, x [B, …, n]) -> z(0) [B, …, m]`.
        size: entries of one example's state.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    apply: Callable[[Params, jax.Array], jax.Array]
    size: int


def identity(input_size: int) -> Inputs:
    """z(0) = x."""
    return _without_parameters(lambda x: x, input_size)


def zeros_added(input_size: int, added: int) -> Inputs:
    """z(0) = [x, 0]: zero augmentation by `added` entries (Dupont et al. 2019, "Augmented neural ODEs")."""
    return _without_parameters(lambda x: _with_zeros(x, added), input_size + added)


def linear(input_size: int, size: int) -> Inputs:
    """z(0) = A x + a: input-layer augmentation where `size` is above `input_size` (Massaroli et al. 2020).

    A starts normal with deviation 1/√n, a at zero.
    """
    return Inputs(lambda key: init_affine(key, input_size, size), AFFINE, affine, size)


def at_rest(inner: Inputs, order: int = 2) -> Inputs:
    """z(0) = [q, 0, …] with q(0) of an `inner` network: a state of that `order` that starts at rest."""

    def apply(params: Params, x: jax.Array) -> jax.Array:
        q = inner.apply(params, x)
        return _with_zeros(q, (order - 1) * q.shape[-1])

    return inner._replace(apply=apply, size=order * inner.size)


def at_places(inner: Inputs, count: int) -> Inputs:
    """The `inner` network at each of `count` places of images x [B, side, side, n]: z(0) has as many places."""
    return inner._replace(size=count * inner.size)


def patches(side: int, channels: int, patch: int) -> Inputs:
    """z(0) [B, s, s, m] of images x [B, side, side, channels]: their squares of `patch` × `patch` pixels as places.

    s = ⌈side/patch⌉, and a place has the m = patch² · channels numbers of its pixels, 0 beyond the image's end.
    """
    return _without_parameters(lambda x: squares(x, patch), (-(-side // patch) * patch) ** 2 * channels)


def strided(side: int, input_channels: int, channels: int, *, halvings: int = 2, groups: int = 8) -> Inputs:
    """z(0) [B, s, s, channels] of images x [B, side, side, input_channels], s = ⌈side/2^halvings⌉.

    A convolution 3×3, then each halving a group normalisation, relu, and a convolution of squares of 2 × 2 places with
    stride 2: the start of the networks of MNIST in Chen et al. 2018, whose strided convolutions are 4×4. Kernels start
    normal with deviation 1/√fan-in, times √2 after relu.
    """
    scaled, after_relu = Scaled("group", groups), Euclidean(2**0.5)
    halving = {"scaling": scaled.manifolds, "weight": after_relu}
    manifolds = {"first": Euclidean(), "halvings": [halving] * halvings}

    def init(key: jax.Array) -> Params:
        first, *others = jax.random.split(key, halvings + 1)
        return {
            "first": jax.random.normal(first, (3, 3, input_channels, channels)) / (9 * input_channels) ** 0.5,
            "halvings": [
                {"scaling": scaled.init(channels), "weight": after_relu.random(k, (channels, 4 * channels))}
                for k in others
            ],
        }

    def apply(params: Params, x: jax.Array) -> jax.Array:
        z = convolve(x, params["first"])
        for own in params["halvings"]:
            z, _ = scaled.apply(own["scaling"], z, None)
            z = matmul(squares(jax.nn.relu(z)), own["weight"].T)
        return z

    return Inputs(init, manifolds, apply, math.ceil(side / 2**halvings) ** 2 * channels)


def in_turn(first: Inputs, second: Inputs) -> Inputs:
    """z(0) of the `second` network, whose input is what the `first` one gives."""

    def init(key: jax.Array) -> Params:
        one, other = jax.random.split(key)
        return {"first": first.init(one), "second": second.init(other)}

    def apply(params: Params, x: jax.Array) -> jax.Array:
        return second.apply(params["second"], first.apply(params["first"], x))

    return Inputs(init, {"first": first.manifolds, "second": second.manifolds}, apply, second.size)


def _without_parameters(apply: Callable[[jax.Array], jax.Array], size: int) -> Inputs:
    return Inputs(lambda key: {}, {}, lambda params, x: apply(x), size)


def _with_zeros(x: jax.Array, added: int) -> jax.Array:
    return jnp.concatenate([x, jnp.zeros((*x.shape[:-1], added), x.dtype)], axis=-1)
