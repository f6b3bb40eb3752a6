"""Linear: an affine layer, the baseline."""

from typing import Literal

import jax

from odes_rl.continuous.affine_layer import AFFINE, affine, init_affine
from odes_rl.supervised.models.model import Model, ModelConfig, Params


class LinearModelConfig(ModelConfig, frozen=True):
    """An affine map from inputs to outputs: logistic regression. Width, activation and dropout are unused."""

    name: Literal["linear"] = "linear"


def linear_model(config: LinearModelConfig, input_size: int, output_size: int) -> Model:
    """Outputs C s + c; C starts normal with deviation 1/√fan-in, c at zero."""

    def init(key: jax.Array) -> Params:
        return {"output": init_affine(key, input_size, output_size)}

    def apply(params: Params, inputs: jax.Array, key: jax.Array | None) -> jax.Array:
        return affine(params["output"], inputs)

    return Model(init, {"output": AFFINE}, apply)
