"""What a supervised model is, and the options that every model shares."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from pydantic import BaseModel, Field

from odes_rl.validation import STRICT

Params = Any


class ModelConfig(BaseModel, frozen=True):
    """Options shared by all models."""

    model_config = STRICT

    name: str
    """The architecture; `odes-rl list models` shows them."""
    width: int = Field(default=128, ge=1)
    """Size of the hidden state."""
    activation: Literal["abs", "relu", "tanh"] = "abs"
    """The nonlinearity f."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of hidden entries that training sets to zero: of what enters the output layer, and a flow."""


class Model(NamedTuple):
    """A model as pure functions.

    Attributes:
        init: `init(key) -> params`.
        manifolds: a pytree that mirrors `params`, with the `Manifold` of each leaf.
        apply: `apply(params, inputs [B, n], key) -> outputs [B, k]`; dropout draws from `key`, None leaves it out.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    apply: Callable[[Params, jax.Array, jax.Array | None], jax.Array]


class ModelFamily(NamedTuple):
    """One entry of the registry: an architecture's options, and how to build it.

    Attributes:
        config: the class of its options; its docstring is what the command line shows.
        build: `build(config, input_size, output_size) -> Model`.
    """

    config: type[ModelConfig]
    build: Callable[[Any, int, int], Model]


def dropped_out(x: jax.Array, rate: float, key: jax.Array | None) -> jax.Array:
    """[B, h] states x with the share `rate` of entries zero and the others larger, so that the mean stays."""
    if key is None or rate == 0:
        return x
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)
