"""A policy: layers of sines whose weights move along a geodesic."""

from typing import Any

import jax
from pydantic import Field

from odes_rl.flows import left_nodes
from odes_rl.manifolds import Stiefel
from odes_rl.policies import Policy, PolicyConfig, PolicyFamily, output_factor, projected
from odes_rl_example.geodesic import geodesic
from odes_rl_example.sine_rule import SineWeights


class SinesConfig(PolicyConfig, frozen=True):
    """Layers of sines whose weights move along a geodesic of the orthogonal group."""

    hidden: int = Field(default=16, ge=1)
    """Size h of the hidden state."""
    layers: int = Field(default=5, ge=1)
    """Layers L of sines."""
    turn: float = Field(default=1.0, gt=0)
    """Speed of the weights at the start, in radians."""


def sines(config: SinesConfig, observation_size: int, action_size: int) -> Policy:
    """The policy x ← Ω₁ s; x ← sin(W(i/L) x) for i = 0, …, L − 1; a = Ω₂ x."""
    trajectory, times = geodesic(config.hidden, config.turn), left_nodes(config.layers)
    sizes, inner = (observation_size, action_size), {"trajectory": trajectory.manifolds}

    def init_inner(key: jax.Array) -> Any:
        return {"trajectory": trajectory.init(key)}

    def materialise(params: Any) -> SineWeights:
        layers = trajectory.weights(params["trajectory"], times)
        return SineWeights(params["input"], layers, output_factor(config, params) * params["output"])

    init, manifolds = projected(config, config.hidden, sizes, Stiefel(), inner, init_inner)
    return Policy(init, manifolds, materialise, "odes_rl_example.sine_rule:SINE_RULE")


SINES = PolicyFamily(SinesConfig, sines)
