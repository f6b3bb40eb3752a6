"""Shared by the architectures that are flows: the integrator of the state."""

from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp

from odes_rl.act.runge_kutta_flow import RungeKuttaFlowWeights
from odes_rl.flows.trajectories.nodes import half_nodes, left_nodes
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds import Manifold
from odes_rl.policies.policy import Params, Policy
from odes_rl.policies.residual import Biases, ResidualConfig, layered, residual_policy
from odes_rl.validation import OneOf

METHODS: dict[str, tuple[tuple[float, ...], ...]] = {
    "euler": ((1.0,),),
    "midpoint": ((0.5, 0.0), (0.0, 1.0)),
    "rk4": ((0.5, 0, 0, 0), (0, 0.5, 0, 0), (0, 0, 1.0, 0), (1 / 6, 1 / 3, 1 / 3, 1 / 6)),
}
"""Runge–Kutta methods as `odes_rl.act.stages` has them, for steps of length 1."""


class FlowConfig(ResidualConfig, frozen=True):
    """Options shared by the architectures that are flows."""

    integrator: Annotated[str, OneOf(METHODS)] = "euler"
    """Method that integrates the hidden state, with fixed steps."""


def method_matrix(config: FlowConfig) -> jax.Array:
    """[S, S] the integrator's factors for steps of length 1/L."""
    return jnp.array(METHODS[config.integrator]) / config.steps


def integration_times(config: FlowConfig, nodes: Callable[[int], jax.Array] = left_nodes) -> jax.Array:
    """Times at which the integrator takes W: Euler's method at `nodes` of L, the others at all of their stages."""
    return nodes(config.steps) if config.integrator == "euler" else half_nodes(config.steps)


def flow_policy(
    config: FlowConfig,
    observation_size: int,
    action_size: int,
    *,
    trajectory: Trajectory,
    projection: Manifold,
    biases: Biases,
    nodes: Callable[[int], jax.Array] = left_nodes,
) -> Policy:
    """A policy x(0) = Ω₁ s; ẋ = f(W(t) x + b(t)) for t from 0 to 1; a = Ω₂ x(1), in L fixed steps.

    Euler's method takes W at `nodes` of L, the others at their stages' own times. The other arguments are those of
    `residual_policy`.
    """
    if config.integrator == "euler":
        return residual_policy(
            config,
            observation_size,
            action_size,
            trajectory=trajectory,
            times=integration_times(config, nodes),
            step=1 / config.steps,
            projection=projection,
            biases=biases,
        )
    layers = layered(
        config,
        observation_size,
        action_size,
        trajectory=trajectory,
        times=integration_times(config),
        projection=projection,
        biases=biases,
    )

    def materialise(params: Params) -> RungeKuttaFlowWeights:
        input_projection, W, b, output = layers.parts(params)
        return RungeKuttaFlowWeights(input_projection, W, b, method_matrix(config), output)

    return Policy(layers.init, layers.manifolds, materialise, f"runge_kutta_flow_{config.activation}")
