"""The optimiser over tangent coordinates, and the schedules of step and sigma."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from odes_rl.es.config import Schedule, StrategyConfig
from odes_rl.manifolds import Euclidean

_COSINE_FLOOR = 0.01


def make_schedule(kind: Schedule, value: float, horizon: int) -> optax.Schedule:
    """`schedule(generation) -> scalar`, `generation` counting from 0.

    `inverse_sqrt` is τ^(−1/2) with τ = generation + 1 (theorem 1 of Choromanski et al. 2020).
    """
    schedules: dict[str, Callable[[], optax.Schedule]] = {
        "constant": lambda: optax.constant_schedule(value),
        "cosine": lambda: optax.cosine_decay_schedule(value, horizon, alpha=_COSINE_FLOOR),
        "inverse_sqrt": lambda: lambda generation: value / jnp.sqrt(generation + 1.0),
    }
    return schedules[kind]()


def make_optimizer(config: StrategyConfig, manifolds: Any) -> optax.GradientTransformation:
    """The optimiser of a descent direction, of unit step length; only Euclidean leaves decay."""
    directions = {
        "sgd": optax.identity,
        "momentum": lambda: optax.trace(config.momentum),
        "adam": lambda: optax.scale_by_adam(b1=config.momentum),
    }
    euclidean = jax.tree.map(lambda manifold: isinstance(manifold, Euclidean), manifolds)
    return optax.chain(
        directions[config.optimizer](),
        optax.add_decayed_weights(config.weight_decay, mask=euclidean),
        optax.scale(-1.0),
    )
