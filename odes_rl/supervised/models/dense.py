"""Dense: a plain network of fully connected layers."""

from typing import Literal

import jax
import jax.numpy as jnp
from pydantic import Field

from odes_rl.act.activations import activate, gain
from odes_rl.continuous.affine_layer import AFFINE, affine, init_affine
from odes_rl.supervised.models.model import HiddenLayers, Model, ModelConfig, Params, dropped_out
from odes_rl.supervised.models.projections import ProjectionOptions


class DenseConfig(ProjectionOptions, ModelConfig, frozen=True):
    """A plain network; Dense-k of Choromanski et al. 2020, §5.2, has k hidden layers."""

    name: Literal["dense"] = "dense"
    depth: int = Field(default=1, ge=1)
    """Number of hidden layers."""


def dense(config: DenseConfig, input_size: int, output_size: int) -> Model:
    """x_i = f(W_i x_{i−1} + b_i), i = 1..depth; outputs W x + b.

    Weights start normal with deviation 1/√fan-in, hidden ones times √2 for relu (He et al. 2015), biases at zero. The
    first and the last matrix are on the manifold that `config.projections` names.
    """
    width = config.width
    scale = gain(config.activation)

    def init(key: jax.Array) -> Params:
        first, *others, last = jax.random.split(key, config.depth + 1)
        hidden = [config.init_projection(first, input_size, width, scale)]
        hidden += [init_affine(other, width, width, scale) for other in others]
        return {"hidden": hidden, "output": config.init_projection(last, width, output_size)}

    def apply(params: Params, inputs: jax.Array, key: jax.Array | None) -> jax.Array:
        x = inputs
        for layer in params["hidden"]:
            x = activate(config.activation, affine(layer, x))
        return affine(params["output"], dropped_out(x, config.dropout, key))

    def layers(params: Params) -> HiddenLayers:
        first, *later = params["hidden"]
        W = jnp.array([layer["weight"] for layer in later]).reshape(-1, width, width)
        biases = jnp.array([layer["bias"] for layer in later]).reshape(-1, width)
        return HiddenLayers(config.activation, None, first, W, biases, params["output"])

    ends = config.projection_layer
    return Model(init, {"hidden": [ends, *[AFFINE] * (config.depth - 1)], "output": ends}, apply, layers)
