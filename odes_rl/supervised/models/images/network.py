"""Networks of images: a first convolution, stages of blocks with halvings between them, an affine layer."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.act.activations import activate, gain
from odes_rl.continuous.affine_layer import AFFINE, affine, init_affine
from odes_rl.continuous.convolution import convolve, squares
from odes_rl.continuous.normalising import Scaled, Statistics
from odes_rl.errors import UserError
from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.manifolds import Euclidean, Frozen
from odes_rl.supervised.models.images.block import Block, Form, block
from odes_rl.supervised.models.images.config import ImageFlowConfig, ImageModelConfig, ImageResNetConfig
from odes_rl.supervised.models.images.kernels import MakeTrajectory, as_matrices
from odes_rl.supervised.models.model import Model, Params, Trace, dropped_out

_FIRST = 3
"""Side of the first convolution's kernel."""
_PIXELS = (0.5, 0.25)
"""Mean and deviation that pixels are taken to have."""


def image_network(
    config: ImageResNetConfig | ImageFlowConfig,
    shape: tuple[int, ...],
    classes: int,
    make: MakeTrajectory,
    *,
    step: float | None = None,
    time: bool = False,
) -> Model:
    """A classifier of images [B, h, w, n], `shape` [h, w, n], with pixels from 0 to 1; kernels along `make`.

    Pixels p are taken as 4(p − ½). A first convolution gives c = width channels; each stage is a block of L steps of
    length `step`, by default 1/L. Between stages N and f are followed by a convolution of squares of 2 × 2 pixels,
    which halves the sides and doubles the channels. After N, f and the mean over places an affine layer gives the
    logits. Kernels outside blocks start normal with deviation 1/√fan-in, times √2 for relu.

    With batch normalisation the parameters have `statistics`, which are not trained; `settle` takes them anew.

    Raises:
        UserError: if a trajectory refuses its options, or images are too small for the stages.
    """
    if min(shape[:2]) < 2 ** (config.stages - 1):
        raise UserError(
            f"model.stages is {config.stages}, but images of {shape[:2]} cannot be halved so often: give fewer"
        )
    scaled = Scaled(config.normalisation, config.groups)
    form = Form(
        make=make,
        times=left_nodes(config.steps),
        step=1 / config.steps if step is None else step,
        sides=config.kernels,
        bottleneck=config.bottleneck,
        scaled=scaled,
        activation=config.activation,
        time=time,
        gradient=config,
    )
    channels = [config.width * 2**stage for stage in range(config.stages)]
    try:
        blocks = [block(form, count) for count in channels]
    except ValueError as error:
        raise UserError(f"model {config.name}: {error}") from error
    network = _Network(config, blocks, channels, scaled, shape[2], classes)
    return Model(
        network.init,
        network.manifolds(),
        network.apply,
        trace=network.traced,
        kernels=network.kernels,
        settle=network.settle if config.normalisation == "batch" else None,
        pixels=_PIXELS,
    )


class _Network(NamedTuple):
    """The parts of a network, and what it does with parameters."""

    config: ImageModelConfig
    blocks: list[Block]
    channels: list[int]
    scaled: Scaled
    inputs: int
    classes: int

    def init(self, key: jax.Array) -> Params:
        first, middle, between, last = jax.random.split(key, 4)
        count = self.config.stages
        before_activation = Euclidean(gain(self.config.activation))
        kernel = before_activation.random(first, (self.channels[0], _FIRST**2 * self.inputs))
        halvings = zip(jax.random.split(between, count), self.channels[:-1], strict=False)
        params = {
            "first": kernel.T.reshape(_FIRST, _FIRST, self.inputs, self.channels[0]),
            "blocks": [b.init(k) for b, k in zip(self.blocks, jax.random.split(middle, count), strict=True)],
            "halvings": [
                {"weight": before_activation.random(k, (2 * c, 4 * c)), "scaling": self.scaled.init(c)}
                for k, c in halvings
            ],
            "scaling": self.scaled.init(self.channels[-1]),
            "output": init_affine(last, self.channels[-1], self.classes),
        }
        return params if self.statistics is None else params | {"statistics": self.statistics}

    def manifolds(self) -> Any:
        halving = {"weight": Euclidean(gain(self.config.activation)), "scaling": self.scaled.manifolds}
        manifolds = {
            "first": Euclidean(),
            "blocks": [b.manifolds for b in self.blocks],
            "halvings": [halving] * (self.config.stages - 1),
            "scaling": self.scaled.manifolds,
            "output": AFFINE,
        }
        frozen = jax.tree.map(lambda leaf: Frozen(Euclidean()), self.statistics)
        return manifolds if self.statistics is None else manifolds | {"statistics": frozen}

    @property
    def statistics(self) -> Any:
        """Those before any image was seen, means 0 and variances 1; None without batch normalisation."""
        if self.config.normalisation != "batch":
            return None
        steps = self.config.steps
        return {
            "blocks": [
                [Statistics(jnp.zeros((steps, c)), jnp.ones((steps, c))) for c in b.channels] for b in self.blocks
            ],
            "after": [Statistics(jnp.zeros(c), jnp.ones(c)) for c in self.channels],
        }

    def apply(self, params: Params, inputs: jax.Array, key: jax.Array | None) -> jax.Array:
        """Logits [B, k]; with a key as in training: dropout, and statistics of the batch."""
        keys = (None, None) if key is None else jax.random.split(key)
        stored = params.get("statistics") if key is None else None
        x = dropped_out(self.begun(params, inputs), self.config.dropout, keys[0])
        for stage, own in enumerate(params["blocks"]):
            x = self.blocks[stage].apply(own, x, stored and stored["blocks"][stage])
            x, _ = self.left(params, x, stage, stored)
        return affine(params["output"], dropped_out(x, self.config.dropout, keys[1]))

    def traced(self, params: Params, inputs: jax.Array, shifts: list[jax.Array] | None) -> Trace:
        """As in evaluation."""
        return self.trace(params, inputs, shifts, params.get("statistics"))

    def trace(self, params: Params, inputs: jax.Array, shifts: list[jax.Array] | None, stored: Any) -> Trace:
        x, states, inside, after = self.begun(params, inputs), [], [], []
        for stage, own in enumerate(params["blocks"]):
            first, later = (None, None) if shifts is None else (shifts[stage][0], shifts[stage][1:])
            start = x if first is None else x + first
            x, moved, seen = self.blocks[stage].trace(own, start, stored and stored["blocks"][stage], later)
            x, found = self.left(params, x, stage, stored)
            states.append(jnp.concatenate([start[None], moved]))
            inside.append(seen)
            after.append(found)
        return Trace(affine(params["output"], x), states, {"blocks": inside, "after": after})

    def settle(self, params: Params, inputs: jax.Array) -> Params:
        return params | {"statistics": self.trace(params, inputs, None, None).statistics}

    def kernels(self, params: Params) -> list[list[jax.Array]]:
        pairs = zip(self.blocks, params["blocks"], strict=True)
        return [[as_matrices(kernel) for kernel in part.kernels(own)] for part, own in pairs]

    def begun(self, params: Params, inputs: jax.Array) -> jax.Array:
        mean, deviation = _PIXELS
        return convolve((inputs - mean) / deviation, params["first"])

    def left(self, params: Params, x: jax.Array, stage: int, stored: Any) -> tuple[jax.Array, Any]:
        """What leaves a `stage`: at half the resolution for the next, the mean over places after the last."""
        last = stage == self.config.stages - 1
        own = params if last else params["halvings"][stage]
        x, found = self.scaled.apply(own["scaling"], x, stored and stored["after"][stage])
        x = activate(self.config.activation, x)
        return jnp.mean(x, (1, 2)) if last else squares(x) @ own["weight"].T, found
