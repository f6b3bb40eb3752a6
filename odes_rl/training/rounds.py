"""The episodes of a generation: one round of candidates, or as many as it takes."""

import numpy as np

from odes_rl.config.schema import ExperimentConfig
from odes_rl.interrupts import check_interrupted
from odes_rl.rollouts.protocol import Foreseeing, RolloutBackend, Rollouts
from odes_rl.rollouts.seeds import training_seeds
from odes_rl.training.evaluate import normalising_moments
from odes_rl.training.experiment import Experiment, TrainingState


def roll_out(
    config: ExperimentConfig, experiment: Experiment, backend: RolloutBackend, state: TrainingState
) -> Rollouts:
    """The episodes of the next generation's candidates, in the order of its rounds.

    Round follows round until the environment steps of `strategy.interactions` are met, or there are `max_rounds` (as
    `num_interactions` of EvoTorch; Toklu et al. 2023). Each round ends before the next one is asked for, so that
    their number is the same for any number of workers.

    Raises:
        EnvironmentFailure: if an environment raises.
        Interrupted: if a signal comes.
    """
    horizon = horizon_of(config, experiment, state)
    rounds = [_round(config, experiment, backend, state, 0, horizon)]
    steps, wanted = int(rounds[0].lengths.sum()), config.strategy.wanted_steps(horizon)
    while steps < wanted and len(rounds) < config.strategy.max_rounds:
        check_interrupted()
        rounds.append(_round(config, experiment, backend, state, len(rounds), horizon))
        steps += int(rounds[-1].lengths.sum())
    return Rollouts.joined(rounds)


def progress_of(config: ExperimentConfig, state: TrainingState) -> float:
    """Part of the run, in [0, 1], that is over."""
    return config.run.progress(int(state.strategy.generation), state.env_steps)


def horizon_of(config: ExperimentConfig, experiment: Experiment, state: TrainingState) -> int | None:
    """Environment steps of an episode of the next generation, at most; None if nothing limits them."""
    return config.strategy.horizon_at(progress_of(config, state), experiment.task.limit)


def _round(
    config: ExperimentConfig,
    experiment: Experiment,
    backend: RolloutBackend,
    state: TrainingState,
    number: int,
    horizon: int | None,
) -> Rollouts:
    weights = experiment.candidate_weights(state.strategy, number, progress_of(config, state))
    if isinstance(backend, Foreseeing):  # of the rounds that follow, one is likely: the first of the next generation
        backend.foresee(_seeds(config, int(state.strategy.generation) + 1, 0))
    seeds = _seeds(config, int(state.strategy.generation), number)
    return backend.evaluate(weights, normalising_moments(config, state), seeds, horizon)


def _seeds(config: ExperimentConfig, generation: int, number: int) -> np.ndarray:
    strategy = config.strategy
    signs, first = strategy.population // strategy.directions, number * strategy.directions
    return training_seeds(config.run.seed, generation, strategy.directions, signs, strategy.episodes, first)
