"""The strategy's optimiser, its step and its sigma."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from odes_rl.es.config import StrategyConfig
from odes_rl.manifolds.schedules import Schedule, named_optimizer, scheduled


def sigma_at(config: StrategyConfig, generation: jax.Array, progress: jax.Array | float) -> jax.Array:
    """Scalar: the perturbations' standard deviation after `generation` updates and that part of the run, in [0, 1]."""
    return _value_at(config, config.sigma_schedule, config.sigma, generation, progress)


def learning_rate_at(config: StrategyConfig, generation: jax.Array, progress: jax.Array | float) -> jax.Array:
    """Scalar: the step length after `generation` updates and that part of the run, in [0, 1]."""
    rate = _value_at(config, config.learning_rate_schedule, config.rate, generation, progress)
    if config.learning_rate is not None or config.sigma_schedule == "constant":
        return rate
    return rate * (sigma_at(config, generation, progress) / config.sigma) ** 2  # the natural rate follows sigma


def learning_rate_part(config: StrategyConfig, generation: jax.Array, progress: jax.Array | float) -> jax.Array:
    """Scalar: what the learning rate's own schedule leaves of it."""
    return _value_at(config, config.learning_rate_schedule, 1.0, generation, progress)


def _value_at(
    config: StrategyConfig, schedule: Schedule, value: float, generation: jax.Array, progress: jax.Array | float
) -> jax.Array:
    if schedule == "cosine" and config.schedule_horizon is None:
        return scheduled(schedule, value, 1, jnp.asarray(progress))
    return scheduled(schedule, value, config.schedule_horizon or 1, generation)


def make_optimizer(config: StrategyConfig, manifolds: Any) -> optax.GradientTransformation:
    """The optimiser of what is maximised, of unit step length; only Euclidean leaves decay."""
    return named_optimizer(config.optimizer, config.momentum, config.weight_decay, manifolds, maximise=True)


def make_stepping_optimizer(config: StrategyConfig, rate: jax.Array, manifolds: Any) -> optax.GradientTransformation:
    """`make_optimizer` with steps of length `rate`, taken after the projection to the manifolds."""
    unit = make_optimizer(config, manifolds)

    def update(updates: Any, state: optax.OptState, params: Any = None) -> tuple[Any, optax.OptState]:
        direction, state = unit.update(updates, state, params)
        return jax.tree.map(lambda leaf: rate * leaf, direction), state

    return optax.GradientTransformation(unit.init, update)
