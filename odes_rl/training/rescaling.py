"""The scales of the leaves, measured as training goes on."""

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.config.schema import ExperimentConfig
from odes_rl.es.optimizers import sigma_at
from odes_rl.rollouts.protocol import Moments
from odes_rl.rollouts.seeds import sensitivity_seed
from odes_rl.training.experiment import Experiment, TrainingState

_OBSERVATIONS = 256
"""On which actions are compared."""


def rescaled(config: ExperimentConfig, experiment: Experiment, state: TrainingState) -> TrainingState:
    """The state with scales for its next generation, measured anew if it is time."""
    generation = int(state.strategy.generation)
    if not _is_time(config, generation):
        return state
    keys = jax.random.split(jax.random.key(sensitivity_seed(config.run.seed, generation)))
    observations = typical_observations(state.moments, keys[0], normalised=config.task.normalise_observations)
    progress = config.run.progress(generation, state.env_steps)
    limit = config.strategy.sigma_limit / float(sigma_at(config.strategy, state.strategy.generation, progress))
    scales = experiment.leaf_scales(state.strategy.params, observations, keys[1], limit)
    return state._replace(strategy=state.strategy._replace(scales=scales))


def typical_observations(moments: Moments, key: jax.Array, *, normalised: bool) -> jax.Array:
    """[256, n] float32, drawn normal with the mean and deviation of what was seen, as a policy sees it.

    Normalised, entries have the deviation 1, or 0 if they never varied. An episode of the current policy would say
    less: one that rests sees next to nothing, and its leaves would seem to matter little to any other candidate.
    """
    drawn = jax.random.normal(key, (_OBSERVATIONS, moments.mean.size))
    deviation = moments.standard_deviation()  # infinite of what never varied
    varied = np.isfinite(deviation)
    if normalised:
        return jnp.where(varied, drawn, 0.0)
    return jnp.asarray(moments.centre(), jnp.float32) + jnp.where(varied, deviation, 0.0).astype(jnp.float32) * drawn


def _is_time(config: ExperimentConfig, generation: int) -> bool:
    kind = config.strategy.sigma_per_leaf
    measured = kind == "sensitivity" and generation % config.strategy.sensitivity_every == 0
    return measured or (kind == "learned" and generation == 0)
