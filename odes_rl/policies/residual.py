"""What the residual architectures share: two projections around a flow whose weights a trajectory gives."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
from pydantic import Field

from odes_rl.act.residual_flow import ResidualFlowWeights
from odes_rl.manifolds import Euclidean, Manifold
from odes_rl.policies.base import Params, Policy, PolicyConfig
from odes_rl.policies.output import init_output, output_factor, output_manifolds
from odes_rl.trajectories.base import Trajectory


class ResidualConfig(PolicyConfig, frozen=True):
    """Options shared by the residual architectures."""

    hidden: int = Field(default=16, ge=1)
    """Size h of the hidden state."""
    steps: int = Field(default=25, ge=1)
    """Steps L of the flow, or layers of the network."""
    activation: Literal["abs", "relu", "tanh"] = "abs"
    """The nonlinearity f."""


def right_nodes(steps: int) -> jax.Array:
    """[L] times iη, i = 1..L, with η = 1/L: where ODEtoODE takes its weights."""
    return jnp.arange(1, steps + 1) / steps


def left_nodes(steps: int) -> jax.Array:
    """[L] times (i−1)η, i = 1..L, with η = 1/L: where every other architecture takes its weights."""
    return jnp.arange(steps) / steps


def residual_policy(
    config: ResidualConfig,
    observation_size: int,
    action_size: int,
    *,
    trajectory: Trajectory,
    times: jax.Array,
    step: float,
    projection: Manifold,
    biases: int,
) -> Policy:
    """A policy x_0 = Ω₁ s; x_i = x_{i−1} + step · f(W_i x_{i−1} + b_i); a = Ω₂ x_L.

    Args:
        config: the architecture's options.
        observation_size: n.
        action_size: m.
        trajectory: gives W_i at `times` [L].
        times: the nodes.
        step: factor on each layer's contribution.
        projection: manifold of Ω₁ [h, n] and Ω₂ [m, h], which start at its random points.
        biases: how many bias vectors there are: 0, 1 for all layers, or L; they start at zero.
    """
    shapes = {"input": (config.hidden, observation_size), "output": (action_size, config.hidden)}
    manifolds: dict[str, Any] = dict.fromkeys(shapes, projection) | {"trajectory": trajectory.manifolds}
    if biases:
        manifolds["biases"] = Euclidean()

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, 3)
        params = {name: projection.random(k, shape) for k, (name, shape) in zip(keys, shapes.items(), strict=False)}
        params["trajectory"] = trajectory.init(keys[2])
        if biases:
            params["biases"] = jnp.zeros((biases, config.hidden))
        return params | init_output(config)

    def materialise(params: Params) -> ResidualFlowWeights:
        return ResidualFlowWeights(
            input=params["input"],
            layers=trajectory.weights(params["trajectory"], times),
            biases=jnp.broadcast_to(params.get("biases", jnp.zeros(())), (config.steps, config.hidden)),
            step=jnp.full((1,), step),
            output=output_factor(config, params) * params["output"],
        )

    act_rule = f"residual_flow_{config.activation}"
    return Policy(init, manifolds | output_manifolds(config), materialise, act_rule)
