"""The optimiser over tangent coordinates, and the schedules of step and sigma."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from odes_rl.es.config import Schedule, StrategyConfig
from odes_rl.manifolds import Euclidean

_COSINE_FLOOR = 0.01


def sigma_at(config: StrategyConfig, generation: jax.Array) -> jax.Array:
    """Scalar: the perturbations' standard deviation after `generation` updates."""
    return scheduled(config.sigma_schedule, config.sigma, config.schedule_horizon, generation)


def learning_rate_at(config: StrategyConfig, generation: jax.Array) -> jax.Array:
    """Scalar: the step length after `generation` updates."""
    return scheduled(config.learning_rate_schedule, config.learning_rate, config.schedule_horizon, generation)


def scheduled(kind: Schedule, value: float, horizon: int, generation: jax.Array) -> jax.Array:
    """Scalar: `value` as its schedule has it after `generation` updates.

    `inverse_sqrt` is τ^(−1/2) with τ = generation + 1 (theorem 1 of Choromanski et al. 2020).
    """
    elapsed = jnp.asarray(generation, jnp.float32)
    if kind == "cosine":
        return jnp.asarray(optax.cosine_decay_schedule(value, horizon, alpha=_COSINE_FLOOR)(elapsed))
    if kind == "inverse_sqrt":
        return value / jnp.sqrt(elapsed + 1.0)
    assert kind == "constant", kind
    return jnp.asarray(value)


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
