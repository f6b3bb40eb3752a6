"""The strategy's optimiser, its step and its sigma."""

from typing import Any

import jax
import optax

from odes_rl.es.config import StrategyConfig
from odes_rl.manifolds.schedules import named_optimizer, scheduled


def sigma_at(config: StrategyConfig, generation: jax.Array) -> jax.Array:
    """Scalar: the perturbations' standard deviation after `generation` updates."""
    return scheduled(config.sigma_schedule, config.sigma, config.schedule_horizon, generation)


def learning_rate_at(config: StrategyConfig, generation: jax.Array) -> jax.Array:
    """Scalar: the step length after `generation` updates."""
    return scheduled(config.learning_rate_schedule, config.learning_rate, config.schedule_horizon, generation)


def make_optimizer(config: StrategyConfig, manifolds: Any) -> optax.GradientTransformation:
    """The optimiser of what is maximised, of unit step length; only Euclidean leaves decay."""
    return named_optimizer(config.optimizer, config.momentum, config.weight_decay, manifolds, maximise=True)


def make_stepping_optimizer(config: StrategyConfig, manifolds: Any) -> optax.GradientTransformationExtraArgs:
    """`make_optimizer`, its steps of the length that the config has for a `generation`, an argument of `update`.

    The length is taken after the projection to the manifolds, and no count of updates joins the optimiser's state.
    """
    unit = make_optimizer(config, manifolds)

    def update(updates: Any, state: optax.OptState, params: Any = None, **extra: Any) -> tuple[Any, optax.OptState]:
        direction, state = unit.update(updates, state, params)
        rate = learning_rate_at(config, extra["generation"])
        return jax.tree.map(lambda leaf: rate * leaf, direction), state

    return optax.GradientTransformationExtraArgs(unit.init, update)
