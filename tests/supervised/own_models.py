"""Supervised models as a user has them, each named `module:object`: with a loss of its own, and wrong ones."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.continuous import AFFINE, affine, init_affine
from odes_rl.manifolds import Stiefel
from odes_rl.supervised import Model, ModelConfig, ModelFamily


class OwnConfig(ModelConfig, frozen=True):
    """A linear model with options of its own."""

    name: str = "own_models:SQUARES"


class Squares(NamedTuple):
    """A linear model whose loss is the squared error of one-hot labels; it measures no accuracy."""

    init: Any
    manifolds: Any
    settle: None = None
    at_once: int = 100

    def measure(self, params: Any, examples: Any, key: Any) -> Any:
        """The loss, and the largest output."""
        inputs, labels = examples
        outputs = affine(params, inputs)
        squares = jnp.mean((outputs - jax.nn.one_hot(labels, outputs.shape[-1])) ** 2)
        return squares, {"largest": jnp.mean(jnp.max(outputs, axis=-1))}


class Renamed(Squares):
    """It calls something else its loss."""

    def measure(self, params: Any, examples: Any, key: Any) -> Any:
        """The loss, and a `loss`."""
        return super().measure(params, examples, key)[0], {"loss": jnp.float32(7)}


class Unreduced(Squares):
    """It measures a value for each class."""

    def measure(self, params: Any, examples: Any, key: Any) -> Any:
        """The loss, and ten of them."""
        return super().measure(params, examples, key)[0], {"classes": jnp.arange(10.0)}


def squares(kind: Any) -> ModelFamily:
    """The family of models of that `kind`."""
    return ModelFamily(OwnConfig, lambda config, n, k: kind(lambda key: init_affine(key, n, k), AFFINE))


def linear(outputs: int = 10, manifolds: Any = AFFINE, init: Any = init_affine) -> ModelFamily:
    """The family of linear classifiers with so many outputs."""
    return ModelFamily(
        OwnConfig,
        lambda config, n, k: Model(
            lambda key: init(key, n, outputs), manifolds, lambda params, inputs, key: affine(params, inputs)
        ),
    )


SQUARES, RENAMED, UNREDUCED = squares(Squares), squares(Renamed), squares(Unreduced)
NARROW = linear(outputs=3)
WHOLE = linear(init=lambda key, n, k: {"weight": jnp.ones((k, n), jnp.int32), "bias": jnp.zeros(k)})
OFF = linear(manifolds={**AFFINE, "weight": Stiefel()})
NOTHING = ModelFamily(OwnConfig, lambda config, n, k: None)  # pyright: ignore[reportArgumentType]
