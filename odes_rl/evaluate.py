"""Evaluation: the unperturbed policy, on episodes that training never sees."""

from typing import Literal

import numpy as np

from odes_rl.experiment import Experiment, TrainingState, initial_state, make_experiment, open_backend
from odes_rl.records.config import ExperimentConfig
from odes_rl.records.run_directory import RunDirectory
from odes_rl.rollouts.base import Moments, RolloutBackend, Rollouts
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.rollouts.seeds import fresh_seeds


def evaluate_run(
    run: RunDirectory, episodes: int, seed: int = 0, checkpoint: Literal["best", "latest"] = "best"
) -> Rollouts:
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
    config = _on_this_machine(run.config)
    experiment = make_experiment(config)
    _, state = run.checkpoints.restore(initial_state(experiment, config.run.seed), checkpoint)
    with open_backend(config, experiment.policy) as backend:
        return evaluate_state(config, experiment, backend, state, fresh_seeds(seed, episodes))


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


def normalising_moments(config: ExperimentConfig, state: TrainingState) -> Moments:
    """The moments to normalise observations by: none, which leave them as they are, if the task says so."""
    return state.moments if config.task.normalise_observations else Moments.empty(state.moments.mean.size)
