"""The scales of the leaves, measured as training goes on."""

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.config.schema import ExperimentConfig
from odes_rl.es.optimizers import sigma_at
from odes_rl.rollouts.protocol import Moments
from odes_rl.rollouts.recording import record_episode
from odes_rl.rollouts.seeds import sensitivity_seed
from odes_rl.training.evaluate import normalising_moments
from odes_rl.training.experiment import Experiment, TrainingState, episode_settings
from odes_rl.training.sensitivity import OBSERVATIONS


def rescaled(config: ExperimentConfig, experiment: Experiment, state: TrainingState) -> TrainingState:
    """The state with scales for its next generation, measured anew if it is time.

    The policy plays an episode for it, in this process; its steps count. An episode that fails leaves the scales.

    Raises:
        EnvironmentFailure: if the environment raises.
        Interrupted: if a signal comes.
    """
    generation = int(state.strategy.generation)
    if not _is_time(config, generation):
        return state
    weights = jax.device_get(experiment.policy_weights(state.strategy.params))
    moments = Moments(*jax.device_get(normalising_moments(config, state)))
    seed = sensitivity_seed(config.run.seed, generation)
    recording = record_episode(episode_settings(config, experiment.policy), weights, moments, seed)
    state = state._replace(env_steps=state.env_steps + len(recording.observations))
    if not np.isfinite(recording.total):
        return state
    rows = np.linspace(0, len(recording.observations) - 1, OBSERVATIONS).round().astype(int)
    observations = jnp.asarray(recording.observations[rows])
    progress = config.run.progress(generation, state.env_steps)
    limit = config.strategy.sigma_limit / float(sigma_at(config.strategy, state.strategy.generation, progress))
    scales = experiment.leaf_scales(state.strategy.params, observations, jax.random.key(seed), limit)
    if generation > 0:  # half way: one episode's observations say little about the next ones'
        scales = jax.tree.map(lambda last, new: jnp.sqrt(last * new), state.strategy.scales, scales)
    return state._replace(strategy=state.strategy._replace(scales=scales))


def _is_time(config: ExperimentConfig, generation: int) -> bool:
    kind = config.strategy.sigma_per_leaf
    measured = kind == "sensitivity" and generation % config.strategy.sensitivity_every == 0
    return measured or (kind == "learned" and generation == 0)
