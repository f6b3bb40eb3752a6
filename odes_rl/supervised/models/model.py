"""The `Model` type, and the options that all models share."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from pydantic import BaseModel, Field

from odes_rl.act.activations import ACTIVATIONS
from odes_rl.supervised.models.learnable import Examples, Learnable, Measures, Params
from odes_rl.validation import STRICT, OneOf


class ModelConfig(BaseModel, frozen=True):
    """Options shared by all models."""

    model_config = STRICT

    name: str
    """The architecture: a name from `odes-rl list models`."""
    width: int = Field(default=128, ge=1)
    """Size of the hidden state."""
    activation: Annotated[str, OneOf(ACTIVATIONS)] = "abs"
    """The nonlinearity f."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout rate in training, at the input of a flow and of the output layer."""


class HiddenLayers(NamedTuple):
    """The layers of a model: x_0 = A s + a; x_i = x_{i−1} + η f(W_i x_{i−1} + b_i), i = 1..L; outputs C x_L + c.

    Without a step η, as in a plain network: x_0 = f(A s + a); x_i = f(W_i x_{i−1} + b_i).

    Attributes:
        activation: the name of f.
        step: η, or None.
        input: `weight` A [h, n] and `bias` a [h].
        weights: W_i, [L, h, h].
        biases: b_i, [L, h].
        output: `weight` C [k, h] and `bias` c [k].
    """

    activation: str
    step: float | None
    input: Params
    weights: Any
    biases: Any
    output: Params


class Trace(NamedTuple):
    """What a model of images does through depth, for S stages of L steps.

    Attributes:
        outputs: [B, k].
        states: of each stage [L + 1, B, h, w, c], at its start and after each step.
        statistics: those that its normalisation used, if they are of batches.
    """

    outputs: jax.Array
    states: list[jax.Array]
    statistics: Any


class Model(NamedTuple):
    """A classifier as pure functions. Inputs are [B, n], or of models of images [B, h, w, n]; outputs, logits, [B, k].

    Attributes:
        init: `init(key) -> params`.
        manifolds: a pytree that mirrors `params`, with the `Manifold` of each leaf.
        apply: `apply(params, inputs, key) -> outputs`; in training dropout draws from `key`. None leaves dropout out,
            and is for evaluation.
        layers: `layers(params) -> hidden layers`, what `apply` computes without dropout; of models of vectors.
        trace: `trace(params, inputs, shifts) -> Trace`, for evaluation; `shifts`, if any, are added to the states. Of
            models of images, as `kernels`.
        kernels: `kernels(params) ->` for each stage, those of its convolutions as matrices [L, m, k²n].
        settle: `settle(params, inputs) -> params`, after an epoch: what is measured on training images and not learnt.
        at_once: number of examples that an evaluation processes at once.
        pixels: mean μ and deviation σ that it takes pixels p to have: its first layer sees (p − μ)/σ.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    apply: Callable[[Params, jax.Array, jax.Array | None], jax.Array]
    layers: Callable[[Params], HiddenLayers] | None = None
    trace: Callable[[Params, jax.Array, list[jax.Array] | None], Trace] | None = None
    kernels: Callable[[Params], list[list[jax.Array]]] | None = None
    settle: Callable[[Params, jax.Array], Params] | None = None
    at_once: int = 1000
    pixels: tuple[float, float] = (0.0, 1.0)

    def measure(self, params: Params, examples: Examples, key: jax.Array | None) -> tuple[jax.Array, Measures]:
        """Mean cross-entropy of inputs [B, …] and labels [B], and the `accuracy`: logits must be finite to be right."""
        inputs, labels = examples
        logits = self.apply(params, inputs, key)
        right = (jnp.argmax(logits, axis=-1) == labels) & jnp.isfinite(logits).all(axis=-1)
        loss = jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))
        return loss, {"accuracy": jnp.mean(right)}


class ModelFamily(NamedTuple):
    """One entry of the registry: an architecture's options, and how to build it.

    Attributes:
        config: the class of its options; its docstring is shown by the command line.
        build: `build(config, inputs, output_size) -> Model`; `inputs` is the size n of an example, or of a model of
            images its shape (h, w, n). Of a model of videos `build(config, shape) -> VideoModel`, with the shape of a
            frame.
        takes: what its examples are.
    """

    config: type[ModelConfig]
    build: Callable[..., Learnable]
    takes: Literal["vectors", "images", "videos"] = "vectors"


def dropped_out(x: jax.Array, rate: float, key: jax.Array | None) -> jax.Array:
    """[B, …] states x with the share `rate` of entries zero and the others larger, so that the mean stays."""
    if key is None or rate == 0:
        return x
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)
