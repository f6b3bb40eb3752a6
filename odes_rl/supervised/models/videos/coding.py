"""The encoder of frames and the decoder, with skips from one to the other at every resolution."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.act.activations import gain
from odes_rl.continuous.affine_layer import AFFINE, affine, init_affine
from odes_rl.continuous.convolution import convolve
from odes_rl.manifolds import Euclidean
from odes_rl.supervised.models.learnable import Params
from odes_rl.supervised.models.videos.config import VideoModelConfig
from odes_rl.supervised.models.videos.stage import MakeRest, Part, doubled, halved, init_kernel, stage

COARSEST = 4
"""Side of the coarsest resolution."""


class Encoder(NamedTuple):
    """Blocks, each followed by a halving of the resolution, down to 4 × 4; an affine layer and tanh give the encoding.

    Attributes:
        stages: blocks, from the finest resolution on.
        channels: [S] of what each says.
        size: of the encoding.
    """

    stages: list[Part]
    channels: list[int]
    size: int

    def init(self, key: jax.Array) -> Params:
        """Random parameters."""
        *keys, last = jax.random.split(key, len(self.stages) + 1)
        blocks = [part.init(k) for part, k in zip(self.stages, keys, strict=True)]
        return {"blocks": blocks, "output": init_affine(last, COARSEST**2 * self.channels[-1], self.size)}

    @property
    def manifolds(self) -> Any:
        """Mirror the parameters."""
        return {"blocks": [part.manifolds for part in self.stages], "output": AFFINE}

    def apply(self, params: Params, frames: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
        """Encodings [B, g] of frames [B, h, w, n], and what each block says, [B, H, W, c] of its resolution."""
        x, said = 4 * (frames - 0.5), []
        for part, own in zip(self.stages, params["blocks"], strict=True):
            x = part.apply(own, x)
            said.append(x)
            x = halved(x)
        return jnp.tanh(affine(params["output"], x.reshape(x.shape[0], -1))), said


class Decoder(NamedTuple):
    """The encoder's mirror: from an affine layer on, each block doubles the resolution and sees the encoder's there.

    Attributes:
        stages: blocks, from the coarsest resolution on.
        channels: [S] of the encoder's blocks, from the finest on.
        outputs: [S] channels of what each block says.
        size: of the encoding.
        colours: n.
        scale: factor on the deviation of kernels.
    """

    stages: list[Part]
    channels: list[int]
    outputs: list[int]
    size: int
    colours: int
    scale: float

    def init(self, key: jax.Array) -> Params:
        """Random parameters."""
        first, last, *keys = jax.random.split(key, 2 * len(self.stages) + 2)
        blocks = [part.init(k) for part, k in zip(self.stages, keys[::2], strict=True)]
        ends = zip(self.channels[::-1], self.outputs, keys[1::2], strict=True)
        return {
            "input": init_affine(first, self.size, COARSEST**2 * self.channels[-1], self.scale),
            "blocks": blocks,
            "skips": [init_kernel(k, n, m, self.scale) for n, m, k in ends],
            "output": {
                "kernel": init_kernel(last, self.channels[0], self.colours, 1.0),
                "bias": jnp.zeros(self.colours),
            },
        }

    @property
    def manifolds(self) -> Any:
        """Mirror the parameters."""
        return {
            "input": AFFINE,
            "blocks": [part.manifolds for part in self.stages],
            "skips": [Euclidean()] * len(self.stages),
            "output": {"kernel": Euclidean(), "bias": Euclidean()},
        }

    def skips(self, params: Params, said: list[jax.Array]) -> list[jax.Array]:
        """What the blocks add of what the encoder `said` of a frame: once for all frames that see the same one."""
        return [convolve(x, kernel) for x, kernel in zip(said[::-1], params["skips"], strict=True)]

    def apply(self, params: Params, encoding: jax.Array, skips: list[jax.Array]) -> jax.Array:
        """Frames [B, h, w, n], from 0 to 1, of encodings [B, g] and what `skips` gives."""
        x = affine(params["input"], encoding).reshape(-1, COARSEST, COARSEST, self.channels[-1])
        for part, own, added in zip(self.stages, params["blocks"], skips, strict=True):
            x = part.apply(own, doubled(x), added)
        return jax.nn.sigmoid(convolve(x, params["output"]["kernel"]) + params["output"]["bias"])


def coding(config: VideoModelConfig, rest: MakeRest, sides: int, colours: int) -> tuple[Encoder, Decoder]:
    """Encoder and decoder of frames with n = `colours`, halved `sides` times; blocks have that `rest`."""
    channels = [config.width * 2 ** min(place, 3) for place in range(sides)]
    before = [colours, *channels[:-1]]
    down = [stage(config, rest, n, m) for n, m in zip(before, channels, strict=True)]
    after = [*channels[-2::-1], channels[0]]
    up = [stage(config, rest, n, m) for n, m in zip(channels[::-1], after, strict=True)]
    decoder = Decoder(up, channels, after, config.encoding, colours, gain(config.activation))
    return Encoder(down, channels, config.encoding), decoder
