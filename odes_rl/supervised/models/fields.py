"""Flows along networks with constant parameters, ẋ = Σ_n g_n(t) f_n(x): BaseODE, and gated kernels."""

from typing import Any, Literal

import jax
from pydantic import Field

from odes_rl.act.activations import activate
from odes_rl.flows.field_networks import FieldNetworks, gated_networks, one_network
from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.supervised.models.depth import through_depth
from odes_rl.supervised.models.flow import FlowModelConfig, Inner, between
from odes_rl.supervised.models.model import Model, Params


class BaseOdeModelConfig(FlowModelConfig, frozen=True):
    """A flow whose vector field is a network with two hidden layers and constant weights; "BaseODE"."""

    name: Literal["base_ode"] = "base_ode"


def base_ode_model(config: BaseOdeModelConfig, input_size: int, output_size: int) -> Model:
    """ẋ = A₃ f(A₂ f(A₁ x + b₁) + b₂) + b₃ (Choromanski et al. 2020, §5.1.2)."""
    return between(config, input_size, output_size, _flow(config, one_network(config.width)))


class GatedKernelsModelConfig(FlowModelConfig, frozen=True):
    """A flow whose vector field is a sum of networks, each weighted by a sigmoid of time (equation 12 of NANODE)."""

    name: Literal["gated_kernels"] = "gated_kernels"
    kernels: int = Field(default=4, ge=1)
    """Number d of networks, each with one hidden layer."""


def gated_kernels_model(config: GatedKernelsModelConfig, input_size: int, output_size: int) -> Model:
    """ẋ = Σ_n σ(u_n t + v_n) (B_n f(A_n x + a_n) + b_n) (Davis et al. 2020)."""
    return between(config, input_size, output_size, _flow(config, gated_networks(config.width, config.kernels)))


def _flow(config: FlowModelConfig, networks: FieldNetworks) -> Inner:
    """The flow x ← x + η Σ_n g_n(t) f_n(x), L times."""
    times = left_nodes(config.steps)

    def advance(x: jax.Array, own: tuple[Params, jax.Array]) -> jax.Array:
        params, gates = own
        moved: Any = 0
        for n in range(gates.shape[0]):
            moved = moved + gates[n] * _network(config.activation, params["networks"][n], params["biases"][n], x)
        return x + moved / config.steps

    def apply(params: Params, x: jax.Array) -> jax.Array:
        return through_depth(advance, x, params, networks.gates(params, times), config)

    return Inner(networks.init, networks.manifolds, apply)


def _network(activation: str, layers: jax.Array, biases: jax.Array, x: jax.Array) -> jax.Array:
    """[B, h] of x [B, h], with `layers` [M, h, h] and `biases` [M, h]; the last layer is linear."""
    for index in range(layers.shape[0]):
        x = x if index == 0 else activate(activation, x)
        x = x @ layers[index].T + biases[index]
    return x
