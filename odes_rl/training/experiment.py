"""An experiment put together from its config, and the state that training carries along."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from odes_rl.act import find_rule
from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import UserError, one_line
from odes_rl.es.population import by_parts, group_count, over_devices, part_size, whole_on_each
from odes_rl.es.strategy import Strategy, StrategyState, make_strategy, mesh_of
from odes_rl.interrupts import interruptible
from odes_rl.manifolds import tree_ambient
from odes_rl.manifolds.trees import check_first_params
from odes_rl.policies import make_policy
from odes_rl.policies.policy import Params, Policy, Weights
from odes_rl.rollouts.backends import BACKENDS
from odes_rl.rollouts.choosing import choose_backend, make_backend
from odes_rl.rollouts.environments import Task, describe_task
from odes_rl.rollouts.protocol import EpisodeSettings, Moments, RolloutBackend
from odes_rl.training.device_actor import DeviceActor
from odes_rl.training.sensitivity import action_units, sensitivity_scales

_AT_ONCE = 64
"""Candidates materialised at a time, or near it: what divides a group."""


class Start(NamedTuple):
    """One of the starts of a run (`run.restarts`).

    Attributes:
        number: from 0 on.
        strategy: its parameters, optimiser, generation and key.
        moments: of all observations that its candidates have seen.
    """

    number: int
    strategy: StrategyState
    moments: Moments


class TrainingState(NamedTuple):
    """All that a checkpoint holds.

    Attributes:
        strategy: parameters, optimiser, generation and key.
        moments: of all observations that candidates have seen.
        env_steps: environment steps of training so far, those of all starts; evaluations not counted.
        wall_seconds: time spent training.
        best_return: mean return of the best evaluation so far.
        start: number of the start that `strategy` and `moments` are of, while there are others; else None.
        others: the other starts that are left.
    """

    strategy: StrategyState
    moments: Moments
    env_steps: int
    wall_seconds: float
    best_return: float
    start: int | None = None
    others: tuple[Start, ...] = ()


class Experiment(NamedTuple):
    """The parts that a config describes, and their compiled functions.

    Attributes:
        task: sizes and bounds.
        policy: as the config names it.
        strategy: the evolution strategy; its `estimate` and `step` are compiled.
        candidate_weights: `candidate_weights(state, round=0, progress=0.0) -> weights` of a round's candidates, leaves
            [C, …].
        policy_weights: `policy_weights(params) -> weights` of one policy, leaves [1, …].
        leaf_scales: `leaf_scales(params, observations [B, n], key, limit) -> scales`, as `sensitivity_scales`.
    """

    task: Task
    policy: Policy
    strategy: Strategy
    candidate_weights: Callable[..., Weights]
    policy_weights: Callable[[Params], Weights]
    leaf_scales: Callable[[Params, jax.Array, jax.Array, float], Any]


def make_experiment(config: ExperimentConfig) -> Experiment:
    """The experiment that `config` describes.

    Raises:
        UserError: if there is no such task, or its spaces do not suit a policy, or the rollout backend lacks it.
    """
    setup = config.task.setup
    task = describe_task(config.task.id, config.policy.squash, config.task.actions, setup, config.task.max_steps)
    BACKENDS.find(choose_backend(config.rollouts, config.episodes).backend).check(config.task.id, setup)
    policy = make_policy(config.policy, task.observation_size, task.action_size)
    _check_weights(config.policy.name, policy, task)
    groups = group_count(config.strategy.directions)
    mesh = mesh_of(config.strategy)
    strategy = make_strategy(config.strategy, policy.manifolds, mesh)

    def candidate_weights(state: StrategyState, round: int = 0, progress: float = 0.0) -> Weights:
        return weights_of(policy, groups, mesh, strategy.ask(state, round, progress))

    def policy_weights(params: Params) -> Weights:
        return jax.tree.map(lambda leaf: leaf[None], policy.materialise(params))

    moving = policy if config.strategy.space == "tangent" else policy._replace(manifolds=tree_ambient(policy.manifolds))
    leaf_scales = partial(sensitivity_scales, moving, action_units(task, config.policy.squash))
    return Experiment(
        task,
        policy,
        strategy._replace(estimate=_compiled(strategy.estimate, mesh), step=_compiled(strategy.step, mesh)),
        _compiled(candidate_weights, mesh),
        _compiled(policy_weights, mesh),
        _compiled(leaf_scales, mesh),
    )


def _check_weights(name: str, policy: Policy, task: Task) -> None:
    """Check that the act rule takes the weights: compiled code would read past the end of what is too small.

    Raises:
        UserError: if it does not, or there is no such rule.
    """
    rule, observation = find_rule(policy.act_rule), (task.observation_size,)
    weights = jax.eval_shape(lambda key: policy.materialise(policy.init(key)), jax.random.key(0))
    told = f"policy {name!r} does not suit act rule {policy.act_rule!r}: "
    if not isinstance(weights, rule.weights):
        raise UserError(f"{told}materialise must give {rule.weights.__name__}")
    try:
        outputs = jax.eval_shape(rule.array, weights, jax.ShapeDtypeStruct(observation, jnp.float32)).shape
    except (IndexError, TypeError, ValueError) as error:
        raise UserError(f"{told}its weights fail on an observation {observation}: {one_line(error)}") from error
    if outputs != (task.action_size,):
        raise UserError(f"{told}it makes {outputs}, but must make ({task.action_size},), of {observation}")


def _compiled(function: Callable[..., Any], mesh: Mesh | None) -> Callable[..., Any]:
    """`function` compiled, its results ready as it returns; a signal ends the wait for the compiler too."""
    compiled = jax.jit(function)

    def compute(*arguments: Any) -> Any:
        # A first state and a restored one are put where an updated one lies: all compile alike.
        placed = arguments if mesh is None else jax.device_put(arguments, whole_on_each(mesh))
        with jax.default_matmul_precision("highest"):  # elsewhere products of a GPU or TPU may have 10 bits
            return jax.block_until_ready(compiled(*placed))

    return partial(interruptible, compute)


def weights_of(policy: Policy, groups: int, mesh: Mesh | None, candidates: Params) -> Weights:
    """Weights, leaves [C, …], of candidates, leaves [C, …], on the devices of `mesh` or on one.

    A candidate's are computed among the same others wherever it is: a vmapped batch of another size rounds otherwise.
    """
    count = jax.tree.leaves(candidates)[0].shape[0]
    part = part_size(count // groups, _AT_ONCE)
    materialise = partial(by_parts, jax.vmap(policy.materialise), part)
    return over_devices(lambda device, _, candidates: materialise(candidates, device), mesh, None, candidates)


def episode_settings(config: ExperimentConfig, policy: Policy) -> EpisodeSettings:
    """The settings of the episodes of `config`, for rollout backends."""
    task = config.task
    clip = math.inf if task.clip is None else task.clip
    return EpisodeSettings(
        task.id, task.max_steps, policy.act_rule, config.policy.squash, clip, task.actions, task.setup
    )


def open_backend(config: ExperimentConfig, policy: Policy) -> RolloutBackend:
    """The rollout backend of `config`; its workers start when it is entered."""
    settings = episode_settings(config, policy)
    actor = DeviceActor(policy.act_rule) if config.rollouts.inference == "device" else None
    return make_backend(config.rollouts, settings, config.episodes, actor)


def initial_state(experiment: Experiment, seed: int, starts: int = 1) -> TrainingState:
    """The state before the first generation of a run with that seed and so many starts.

    Start 0 is the same however many there are; the others draw their parameters and their noise from keys of their own.

    Raises:
        UserError: if the policy's own parameters do not lie on their manifolds.
    """
    first = jax.jit(partial(_first_strategy_state, experiment))
    key = jax.random.key(seed)
    # Not from 1 on: `fold_in` of 0 and 1 gives the two keys of a split, which start 0 draws from.
    strategies = [first(jax.random.fold_in(key, 1 + number) if number else key) for number in range(starts)]
    check_first_params("policy", experiment.policy.manifolds, strategies[0].params)
    return _before_training(experiment, strategies)


def restorable_state(experiment: Experiment, starts: int = 1) -> TrainingState:
    """Shapes and dtypes of a state with so many starts, which are all that restoring one from a checkpoint needs."""
    shapes = jax.eval_shape(partial(_first_strategy_state, experiment), jax.random.key(0))
    return _before_training(experiment, [shapes] * starts)


def _before_training(experiment: Experiment, strategies: Sequence[StrategyState]) -> TrainingState:
    moments = Moments.empty(experiment.task.observation_size)
    first, *rest = strategies
    others = tuple(Start(number, strategy, moments) for number, strategy in enumerate(rest, 1))
    return TrainingState(first, moments, 0, 0.0, -math.inf, 0 if others else None, others)


def _first_strategy_state(experiment: Experiment, key: jax.Array) -> StrategyState:
    policy_key, noise_key = jax.random.split(key)
    return experiment.strategy.init(noise_key, experiment.policy.init(policy_key))
