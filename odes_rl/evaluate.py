"""Evaluation: the unperturbed policy, on episodes that training never sees."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Literal

import jax
import numpy as np

from odes_rl.experiment import (
    Experiment,
    TrainingState,
    episode_settings,
    initial_state,
    make_experiment,
    open_backend,
)
from odes_rl.records.config import ExperimentConfig
from odes_rl.records.run_directory import RunDirectory
from odes_rl.rollouts.base import Moments, RolloutBackend, Rollouts
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.rollouts.filming import Film, film_episode
from odes_rl.rollouts.seeds import fresh_seeds, warmup_seeds

Checkpoint = Literal["best", "latest"]


def evaluate_run(run: RunDirectory, episodes: int, seed: int = 0, checkpoint: Checkpoint = "best") -> Rollouts:
    """Roll out a run's policy for `episodes` episodes; returns [1, episodes].

    Args:
        run: the run.
        episodes: how many.
        seed: of the episodes, which neither training nor the run's own evaluations have seen.
        checkpoint: which one holds the policy.

    Raises:
        UserError: if there is no such checkpoint.
        EnvironmentFailure: if an environment raises.
    """
    config, experiment, state = restore_run(run, checkpoint)
    with open_backend(config, experiment.policy) as backend:
        return evaluate_state(config, experiment, backend, state, fresh_seeds(seed, episodes))


def film_run(
    run: RunDirectory,
    output: str | Path,
    seed: int = 0,
    checkpoint: Checkpoint = "best",
    report: Callable[[int], None] = lambda step: None,
) -> float:
    """Film the first of the episodes that `evaluate_run` rolls out, as the MP4 file `output`; its return.

    `report(step)` is called as environment steps are filmed.

    Raises:
        UserError: if there is no such checkpoint, nothing renders here, or the file cannot be written.
        EnvironmentFailure: if the environment raises.
    """
    config, experiment, state = restore_run(run, checkpoint)
    weights = jax.device_get(experiment.policy_weights(state.strategy.params))
    moments = Moments(*jax.device_get(normalising_moments(config, state)))
    settings = episode_settings(config, experiment.policy)
    return film_episode(Film(settings, weights, moments, int(fresh_seeds(seed, 1)[0, 0]), str(output)), report)


def restore_run(run: RunDirectory, checkpoint: Checkpoint) -> tuple[ExperimentConfig, Experiment, TrainingState]:
    """A run's config, on this machine, its experiment, and the state in that checkpoint.

    Raises:
        UserError: if there is no such checkpoint.
    """
    config = _on_this_machine(run.config)
    experiment = make_experiment(config)
    _, state = run.checkpoints.restore(initial_state(experiment, config.run.seed), checkpoint)
    return config, experiment, state


def _on_this_machine(config: ExperimentConfig) -> ExperimentConfig:
    """`config` without the cluster of `ray`, which may be gone by now: the bits are the same."""
    if config.rollouts.backend != "ray":
        return config
    here = RolloutsConfig(lanes=config.rollouts.lanes, deadline=config.rollouts.deadline)
    return config.model_copy(update={"rollouts": here})


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
    return state.moments if config.task.normalise_observations else Moments.empty(state.moments.mean.size)
