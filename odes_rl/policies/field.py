"""Shared by the flows along networks with constant parameters: ẋ = Σ_n g_n(t) f_n(x)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from odes_rl.act.field_flow import FieldFlowWeights
from odes_rl.flows.trajectories.nodes import half_nodes
from odes_rl.manifolds import Euclidean
from odes_rl.policies.flow import FlowConfig, method_matrix
from odes_rl.policies.output import output_factor
from odes_rl.policies.policy import Params, Policy
from odes_rl.policies.projections import projected

Gates = Callable[[Params, jax.Array], jax.Array]


def field_policy(
    config: FlowConfig,
    observation_size: int,
    action_size: int,
    *,
    shape: tuple[int, int],
    scale: float,
    gates: Gates,
    init_gates: Callable[[jax.Array], dict[str, jax.Array]],
) -> Policy:
    """A policy x(0) = Ω₁ s; ẋ = Σ_n g_n(t) f_n(x) for t from 0 to 1; a = Ω₂ x(1), in L fixed steps.

    The f_n are networks of M layers with biases, h wide throughout, the last layer linear. Projections and matrices
    start normal with deviation 1/√fan-in, the last layers' times `scale`, biases at zero.

    Args:
        config: the architecture's options.
        observation_size: n.
        action_size: m.
        shape: how many networks, N, and layers in each, M.
        scale: factor on the last layers.
        gates: `gates(params, times [K]) -> [K, N]`.
        init_gates: `init_gates(key)`, the parameters that they depend on, all Euclidean.
    """
    hidden, manifold = config.hidden, Euclidean()

    def init_inner(key: jax.Array) -> Params:
        keys = jax.random.split(key)
        matrices = manifold.random(keys[0], (*shape, hidden, hidden)).at[:, -1].multiply(scale)
        return {"networks": matrices, "biases": jnp.zeros((*shape, hidden))} | init_gates(keys[1])

    names = jax.eval_shape(init_inner, jax.random.key(0)).keys()
    init, manifolds = projected(
        config,
        hidden,
        (observation_size, action_size),
        manifold,
        dict.fromkeys(names, manifold),
        init_inner,
    )

    def materialise(params: Params) -> FieldFlowWeights:
        return FieldFlowWeights(
            input=params["input"],
            gates=gates(params, half_nodes(config.steps)),
            networks=params["networks"],
            biases=params["biases"],
            method=method_matrix(config),
            output=output_factor(config, params) * params["output"],
        )

    return Policy(init, manifolds, materialise, f"field_flow_{config.activation}")
