"""An experiment put together from its config, and the state that training carries along."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax

from odes_rl.es.strategy import Strategy, StrategyState, make_strategy
from odes_rl.policies import make_policy
from odes_rl.policies.base import Params, Policy, Weights
from odes_rl.records.config import ExperimentConfig
from odes_rl.rollouts import make_backend
from odes_rl.rollouts.base import EpisodeSettings, Moments, RolloutBackend
from odes_rl.rollouts.environments import Task, describe_task

_CHUNK = 64
"""Candidates materialised at once: fixed, since a vmapped batch of another size rounds otherwise."""


class TrainingState(NamedTuple):
    """All that a checkpoint holds.

    Attributes:
        strategy: parameters, optimiser, generation and key.
        moments: of all observations that candidates have seen.
        env_steps: environment steps of training so far, evaluations not counted.
        wall_seconds: time spent training.
        best_return: mean return of the best evaluation so far.
    """

    strategy: StrategyState
    moments: Moments
    env_steps: int
    wall_seconds: float
    best_return: float


class Experiment(NamedTuple):
    """The parts that a config describes, and their compiled functions.

    Attributes:
        task: sizes and bounds.
        policy: as the config names it.
        strategy: likewise; its `tell` is compiled.
        candidate_weights: `candidate_weights(state) -> weights` of a generation's candidates, leaves [C, …].
        policy_weights: `policy_weights(params) -> weights` of one policy, leaves [1, …].
    """

    task: Task
    policy: Policy
    strategy: Strategy
    candidate_weights: Callable[[StrategyState], Weights]
    policy_weights: Callable[[Params], Weights]


def make_experiment(config: ExperimentConfig) -> Experiment:
    """The experiment that `config` describes.

    Raises:
        UserError: if there is no such task, or its spaces do not suit a policy.
    """
    task = describe_task(config.task.id, config.policy.squash)
    policy = make_policy(config.policy, task.observation_size, task.action_size)
    strategy = make_strategy(config.strategy, policy.manifolds)

    def candidate_weights(state: StrategyState) -> Weights:
        return jax.lax.map(policy.materialise, strategy.ask(state), batch_size=_CHUNK)

    def policy_weights(params: Params) -> Weights:
        return jax.tree.map(lambda leaf: leaf[None], policy.materialise(params))

    strategy = strategy._replace(tell=jax.jit(strategy.tell))
    return Experiment(task, policy, strategy, jax.jit(candidate_weights), jax.jit(policy_weights))


def open_backend(config: ExperimentConfig, policy: Policy) -> RolloutBackend:
    """The rollout backend of `config`; its workers start when it is entered."""
    settings = EpisodeSettings(config.task.id, config.task.max_steps, policy.act_rule, config.policy.squash)
    return make_backend(config.rollouts.backend, settings, config.rollouts.workers, config.rollouts.lanes)


def initial_state(experiment: Experiment, seed: int) -> TrainingState:
    """The state before the first generation of a run with that seed."""
    policy_key, noise_key = jax.random.split(jax.random.key(seed))
    strategy = experiment.strategy.init(noise_key, experiment.policy.init(policy_key))
    return TrainingState(strategy, Moments.empty(experiment.task.observation_size), 0, 0.0, -math.inf)
