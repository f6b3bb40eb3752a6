"""Shared by the models that are flows: two affine layers around ẋ = f(W(t) x + b), in fixed steps."""

import jax
import jax.numpy as jnp
from jax import lax
from pydantic import Field

from odes_rl.act.activations import activate
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds import Euclidean
from odes_rl.supervised.models.affine_layer import AFFINE, affine, init_affine
from odes_rl.supervised.models.model import HiddenLayers, Model, ModelConfig, Params, dropped_out


class FlowModelConfig(ModelConfig, frozen=True):
    """Options shared by the models that are flows."""

    steps: int = Field(default=100, ge=1)
    """Number L of Euler steps from time 0 to time 1, with step size η = 1/L."""


def flow_model(
    config: FlowModelConfig,
    input_size: int,
    output_size: int,
    trajectory: Trajectory,
    times: jax.Array,
    step: float | None = None,
) -> Model:
    """x_0 = A s + a; x_i = x_{i−1} + η f(W(t_i) x_{i−1} + b); outputs C x_L + c, with W at `times` [L].

    `step` replaces η = 1/L; 1 gives a residual network. The weights are computed once for a whole
    batch. A and C start normal with deviation 1/√fan-in, a, b and c at zero.
    """
    step = 1 / config.steps if step is None else step
    manifolds = {"input": AFFINE, "trajectory": trajectory.manifolds, "bias": Euclidean(), "output": AFFINE}

    def init(key: jax.Array) -> Params:
        first, flow, last = jax.random.split(key, 3)
        return {
            "input": init_affine(first, input_size, config.width),
            "trajectory": trajectory.init(flow),
            "bias": jnp.zeros(config.width),
            "output": init_affine(last, config.width, output_size),
        }

    def apply(params: Params, inputs: jax.Array, key: jax.Array | None) -> jax.Array:
        keys = (None, None) if key is None else jax.random.split(key)
        bias = params["bias"]

        def advance(x: jax.Array, W: jax.Array) -> tuple[jax.Array, None]:
            return x + step * activate(config.activation, x @ W.T + bias), None

        x = dropped_out(affine(params["input"], inputs), config.dropout, keys[0])
        x, _ = lax.scan(advance, x, trajectory.weights(params["trajectory"], times))
        return affine(params["output"], dropped_out(x, config.dropout, keys[1]))

    def layers(params: Params) -> HiddenLayers:
        W = trajectory.weights(params["trajectory"], times)
        biases = jnp.broadcast_to(params["bias"], W.shape[:2])
        return HiddenLayers(config.activation, step, params["input"], W, biases, params["output"])

    return Model(init, manifolds, apply, layers)
