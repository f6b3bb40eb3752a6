"""Evaluation: the unperturbed policy, on episodes that training never sees."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Literal

import jax
import numpy as np

from odes_rl.config.schema import ExperimentConfig
from odes_rl.policies.policy import Weights
from odes_rl.rollouts.backends import BACKENDS
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.rollouts.environments import describe_task
from odes_rl.rollouts.filming import Film, film_episode
from odes_rl.rollouts.protocol import Moments, RolloutBackend, Rollouts
from odes_rl.rollouts.seeds import fresh_seeds, warmup_seeds
from odes_rl.training.experiment import Experiment, TrainingState, episode_settings, open_backend
from odes_rl.training.restoring import Restored

Actions = Literal["greedy", "sampled"]


def evaluate_restored(restored: Restored, episodes: int, seed: int = 0) -> Rollouts:
    """Roll out a policy for `episodes` episodes; returns [1, episodes].

    `seed` is that of the episodes, which neither training nor the run's own evaluations have seen.

    Raises:
        EnvironmentFailure: if an environment raises.
    """
    config, experiment, state, _ = restored
    with open_backend(config, experiment.policy) as backend:
        return evaluate_state(config, experiment, backend, state, fresh_seeds(seed, episodes))


def acting_as(restored: Restored, actions: Actions) -> Restored:
    """`restored`, with its discrete actions chosen that way, not as in training.

    Raises:
        UserError: if they are to be sampled, and are not discrete.
    """
    config = restored.config
    config = config.model_copy(update={"task": config.task.model_copy(update={"actions": actions})})
    describe_task(config.task.id, actions=actions, setup=config.task.setup, max_steps=config.task.max_steps)
    return restored._replace(config=config)


def rolled_out_by(restored: Restored, backend: str) -> Restored:
    """`restored`, with its episodes run by the backend of that name.

    Raises:
        UserError: if there is no such backend, or it cannot run the task.
    """
    config = restored.config
    if backend == config.rollouts.backend:
        return restored
    BACKENDS.find(backend).check(config.task.id, config.task.setup)
    own = config.rollouts  # whose lanes and inference mean something else to other backends
    rollouts = RolloutsConfig(backend=backend, workers=own.workers, deadline=own.deadline, address=own.address)
    return restored._replace(config=config.model_copy(update={"rollouts": rollouts}))


def on_host(restored: Restored) -> tuple[Weights, Moments]:
    """What acting needs, as NumPy arrays: the weights, leaves [1, …], and the moments that normalise observations."""
    config, experiment, state, _ = restored
    return jax.device_get((experiment.policy_weights(state.strategy.params), normalising_moments(config, state)))


def film_restored(
    restored: Restored, output: str | Path, seed: int = 0, report: Callable[[int], None] = lambda step: None
) -> float:
    """Film the first of the episodes that `evaluate_restored` rolls out, as the file `output`; its return.

    `report(step)` is called as environment steps are filmed.

    Raises:
        UserError: if nothing renders here, or the file cannot be written.
        EnvironmentFailure: if the environment raises.
    """
    settings = episode_settings(restored.config, restored.experiment.policy)
    return film_episode(Film(settings, *on_host(restored), int(fresh_seeds(seed, 1)[0, 0]), str(output)), report)


def evaluate_state(
    config: ExperimentConfig,
    experiment: Experiment,
    backend: RolloutBackend,
    state: TrainingState,
    seeds: np.ndarray,
) -> Rollouts:
    """Roll out the policy of `state` in an episode for each of `seeds` [1, E]; returns [1, E]."""
    weights = experiment.policy_weights(state.strategy.params)
    return backend.evaluate(weights, normalising_moments(config, state), seeds)


def warmed_up(
    config: ExperimentConfig, experiment: Experiment, backend: RolloutBackend, state: TrainingState
) -> TrainingState:
    """The first state of a run, with the moments of `task.warmup_episodes` of its policy.

    The episodes are run in rounds of 1, 1, 2, 4, 8, … that the moments of all earlier ones normalise: what a policy
    makes of raw observations may visit other states than it will visit once they are normalised.
    """
    seeds = warmup_seeds(config.run.seed, config.task.warmup_episodes)
    done = 0
    while done < seeds.size:
        following = 2 * done or 1
        rollouts = evaluate_state(config, experiment, backend, state, seeds[:, done:following])
        moments = reduce(Moments.merge, rollouts.moments, state.moments)
        state = state._replace(moments=moments, env_steps=state.env_steps + int(rollouts.lengths.sum()))
        done = following
    return state


def normalising_moments(config: ExperimentConfig, state: TrainingState) -> Moments:
    """The moments to normalise observations by: none, which leave them as they are, if the task says so."""
    if config.task.normalise_observations:
        return state.moments
    return Moments.empty(state.moments.mean.size)._replace(mean=state.moments.mean)
