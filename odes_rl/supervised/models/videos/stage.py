"""Convolutions at one resolution: one that changes channels, and the rest of a block, of which there are two forms."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.act.activations import activate, gain
from odes_rl.continuous.convolution import convolve
from odes_rl.continuous.normalising import Scaled
from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.manifolds import Euclidean
from odes_rl.supervised.models.images.block import Form, block
from odes_rl.supervised.models.images.kernels import MakeTrajectory
from odes_rl.supervised.models.learnable import Params
from odes_rl.supervised.models.videos.config import VideoFlowConfig, VideoModelConfig

_SIDE = 3
"""Of every kernel."""


class Part(NamedTuple):
    """A part of a network of images as pure functions.

    Attributes:
        init: `init(key) -> params`.
        manifolds: mirrors `params`.
        apply: `apply(params, x [B, H, W, n]) -> [B, H, W, m]`.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    apply: Callable[..., jax.Array]


MakeRest = Callable[[int], Part]
"""`rest(m)`: what comes after the first convolution of a block, from m channels to m."""


def init_kernel(key: jax.Array, inputs: int, outputs: int, scale: float) -> jax.Array:
    """Kernel [3, 3, n, m], normal with deviation `scale`/√fan-in."""
    rows = Euclidean(scale).random(key, (outputs, _SIDE**2 * inputs))
    return rows.T.reshape(_SIDE, _SIDE, inputs, outputs)


def layer(config: VideoModelConfig, inputs: int, outputs: int) -> Part:
    """f(N(K ∗ x)), as in blocks of Simonyan & Zisserman 2015; `apply` adds its third argument, if any, to K ∗ x."""
    scaled = Scaled(config.normalisation, config.groups)
    manifolds = {"kernel": Euclidean(), "scaling": scaled.manifolds}

    @partial(jax.checkpoint, prevent_cse=False)  # it is cheap to make again, and large to keep
    def finished(scaling: Params, x: jax.Array) -> jax.Array:
        return activate(config.activation, scaled.apply(scaling, x, None)[0])

    def init(key: jax.Array) -> Params:
        return {"kernel": init_kernel(key, inputs, outputs, gain(config.activation)), "scaling": scaled.init(outputs)}

    def apply(params: Params, x: jax.Array, added: jax.Array | None = None) -> jax.Array:
        x = convolve(x, params["kernel"])
        return finished(params["scaling"], x if added is None else x + added)

    return Part(init, manifolds, apply)


def plain_rest(config: VideoModelConfig) -> MakeRest:
    """Two more layers."""

    def make(channels: int) -> Part:
        layers = [layer(config, channels, channels)] * 2

        def init(key: jax.Array) -> Params:
            return [part.init(k) for part, k in zip(layers, jax.random.split(key), strict=True)]

        def apply(params: Params, x: jax.Array) -> jax.Array:
            for part, own in zip(layers, params, strict=True):
                x = part.apply(own, x)
            return x

        return Part(init, [part.manifolds for part in layers], apply)

    return make


def flow_rest(config: VideoFlowConfig, make_trajectory: MakeTrajectory) -> MakeRest:
    """A flow ẋ = K(t) ∗ f(N(x)) in place of two layers (Davis et al. 2020, §4.2)."""
    form = Form(
        make=make_trajectory,
        times=left_nodes(config.steps),
        step=1 / config.steps,
        sides=(_SIDE,),
        bottleneck=1,
        scaled=Scaled(config.normalisation, config.groups),
        activation=config.activation,
        time=False,
        gradient=config,
    )

    def make(channels: int) -> Part:
        flow = block(form, channels)
        return Part(flow.init, flow.manifolds, lambda params, x: flow.apply(params, x, None))

    return make


def stage(config: VideoModelConfig, rest: MakeRest, inputs: int, outputs: int) -> Part:
    """A layer from n to m channels, then the `rest` of the block; `apply` takes what the layer adds."""
    first, later = layer(config, inputs, outputs), rest(outputs)

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key)
        return {"first": first.init(keys[0]), "rest": later.init(keys[1])}

    def apply(params: Params, x: jax.Array, added: jax.Array | None = None) -> jax.Array:
        return later.apply(params["rest"], first.apply(params["first"], x, added))

    return Part(init, {"first": first.manifolds, "rest": later.manifolds}, apply)


def halved(x: jax.Array) -> jax.Array:
    """[B, H/2, W/2, c] the largest of 2 × 2 places of x [B, H, W, c].

    In pairs: the derivative of `jnp.max` divides by the number of places that equal the largest, of which there is none
    where a compiler computes them again and rounds otherwise.
    """
    count, height, width, channels = x.shape
    places = x.reshape(count, height // 2, 2, width // 2, 2, channels)
    rows = jnp.maximum(places[:, :, 0], places[:, :, 1])
    return jnp.maximum(rows[:, :, :, 0], rows[:, :, :, 1])


def doubled(x: jax.Array) -> jax.Array:
    """[B, 2H, 2W, c] each place of x [B, H, W, c] four times."""
    return x.repeat(2, axis=1).repeat(2, axis=2)
