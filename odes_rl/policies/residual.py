"""Shared by the residual architectures: two projections around layers whose weights come from a trajectory."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from pydantic import BaseModel, Field

from odes_rl.act.activations import ACTIVATIONS
from odes_rl.act.residual_flow import ResidualFlowWeights
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds import Euclidean, Manifold
from odes_rl.policies.output import output_factor
from odes_rl.policies.policy import Params, Policy, PolicyConfig
from odes_rl.policies.projections import projected
from odes_rl.validation import STRICT, OneOf

Biases = Literal["none", "shared", "per_layer", "time"]


class ResidualConfig(PolicyConfig, frozen=True):
    """Options shared by the residual architectures."""

    hidden: int = Field(default=16, ge=1)
    """Size h of the hidden state."""
    steps: int = Field(default=25, ge=1)
    """Number L of steps of the flow, or of layers of the network."""
    activation: Annotated[str, OneOf(ACTIVATIONS)] = "abs"
    """The nonlinearity f."""


class Matchable(BaseModel, frozen=True):
    """The option of architectures whose size can be matched to ODEtoODE."""

    model_config = STRICT

    match_parameters: Literal["ode_to_ode"] | None = None
    """Use the smallest hidden size with no fewer parameters than ODEtoODE has with `hidden`; none uses `hidden`."""

    @property
    def least_hidden(self) -> int:
        """The smallest hidden size that the other options allow."""
        return 1


class Layers(NamedTuple):
    """A policy up to its act rule.

    Attributes:
        init: as a policy's.
        manifolds: as those of a policy.
        parts: `parts(params) -> (input [h, n], layers [K, h, h], biases [K, h], output [m, h])` at K times.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    parts: Callable[[Params], tuple[jax.Array, jax.Array, jax.Array, jax.Array]]


def layered(
    config: ResidualConfig,
    observation_size: int,
    action_size: int,
    *,
    trajectory: Trajectory,
    times: jax.Array,
    projection: Manifold,
    biases: Biases,
) -> Layers:
    """Projections around weights W_i and biases b_i at K `times`; the arguments are those of `residual_policy`."""
    count, hidden = times.shape[0], config.hidden
    rows = {"none": 0, "shared": 1, "per_layer": count, "time": 1}[biases]
    factors = times[:, None] if biases == "time" else jnp.ones((count, 1))

    def init_inner(key: jax.Array) -> Params:
        return {"trajectory": trajectory.init(key)} | ({"biases": jnp.zeros((rows, hidden))} if rows else {})

    def parts(params: Params) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        layers = trajectory.weights(params["trajectory"], times)
        b = factors * params.get("biases", jnp.zeros((1, hidden)))
        return params["input"], layers, b, output_factor(config, params) * params["output"]

    inner = {"trajectory": trajectory.manifolds} | ({"biases": Euclidean()} if rows else {})
    init, manifolds = projected(config, hidden, (observation_size, action_size), projection, inner, init_inner)
    return Layers(init, manifolds, parts)


def residual_policy(
    config: ResidualConfig,
    observation_size: int,
    action_size: int,
    *,
    trajectory: Trajectory,
    times: jax.Array,
    step: float,
    projection: Manifold,
    biases: Biases,
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
        biases: none, one b for all layers, one for each, or the time times one (a column of W that meets t). They
            start at zero.
    """
    layers = layered(
        config,
        observation_size,
        action_size,
        trajectory=trajectory,
        times=times,
        projection=projection,
        biases=biases,
    )

    def materialise(params: Params) -> ResidualFlowWeights:
        input_projection, W, b, output = layers.parts(params)
        return ResidualFlowWeights(input_projection, W, b, jnp.full((1,), step), output)

    return Policy(layers.init, layers.manifolds, materialise, f"residual_flow_{config.activation}")
