"""Training: ask, roll out, tell, write down; generation by generation."""

import logging
import time
from collections.abc import Callable
from functools import reduce

import jax.numpy as jnp
import numpy as np

from odes_rl.errors import StorageError
from odes_rl.es.returns import told_returns
from odes_rl.es.strategy import StrategyInfo
from odes_rl.evaluate import evaluate_state, normalising_moments, warmed_up
from odes_rl.experiment import Experiment, TrainingState, initial_state, make_experiment, open_backend
from odes_rl.records.config import ExperimentConfig
from odes_rl.records.metrics import Metrics
from odes_rl.records.run_directory import RunDirectory
from odes_rl.rollouts.backends import choose_backend
from odes_rl.rollouts.base import Moments, RolloutBackend, Rollouts
from odes_rl.rollouts.seeds import evaluation_seeds, training_seeds

_log = logging.getLogger(__name__)


def train(run: RunDirectory, report: Callable[[Metrics], None]) -> TrainingState:
    """Train the policy of `run` to the end that its config sets, from its latest checkpoint if it has one.

    `report` receives each line of the metrics. Whatever interrupts training, the state after the last
    finished generation is saved first, if it can be.

    Raises:
        UserError: if the task or the checkpoint does not suit the config.
        EnvironmentFailure: if an environment raises.
        StorageError: if the run cannot be written, as on a full disk.
        KeyboardInterrupt: on Ctrl-C.
    """
    config = run.config
    experiment = make_experiment(config)
    with open_backend(config, experiment.policy) as backend:
        state = _begin(run, experiment, backend, report)
        try:
            while not config.run.is_over(int(state.strategy.generation), state.env_steps):
                new_state, metrics = advance(config, experiment, backend, state)
                state = record(run, state, new_state, metrics, report)
        except BaseException as cause:
            _save_before_leaving(run, state, cause)
            raise
    return state


def _save_before_leaving(run: RunDirectory, state: TrainingState, cause: BaseException) -> None:
    """Save `state`, or say that it cannot be; not again, if that is the `cause` of leaving."""
    generation = int(state.strategy.generation)
    try:
        run.checkpoints.save(generation, state)
    except StorageError as error:
        if isinstance(cause, StorageError):
            return
        last = run.checkpoints.latest_generation()
        _log.warning("no checkpoint of generation %d: %s; the last one is of %s", generation, error, last)


def _begin(
    run: RunDirectory, experiment: Experiment, backend: RolloutBackend, report: Callable[[Metrics], None]
) -> TrainingState:
    """The state of the latest checkpoint, or a new run's with its first evaluation written down."""
    state = initial_state(experiment, run.config.run.seed)
    if run.has_progress():
        generation, state = run.checkpoints.restore(state)
        run.cut_back(generation)
        _write_launch(run, generation)
        return state
    run.cut_back(-1)
    _write_launch(run, 0)
    started = time.perf_counter()
    state = warmed_up(run.config, experiment, backend, state)
    evaluation = _evaluate(run.config, experiment, backend, state)
    seconds = time.perf_counter() - started
    metrics = {"generation": 0, "env_steps": state.env_steps, "wall_seconds": seconds, **evaluation}
    return record(run, state, state._replace(wall_seconds=seconds), metrics, report)


def _write_launch(run: RunDirectory, generation: int) -> None:
    """Write down what computes the generations from here on: `auto` says so of no run."""
    choice = choose_backend(run.config.rollouts, run.config.episodes)
    run.append_launch({"generation": generation, **choice._asdict()})


def advance(
    config: ExperimentConfig, experiment: Experiment, backend: RolloutBackend, state: TrainingState
) -> tuple[TrainingState, Metrics]:
    """One generation: the state after it and its line of metrics."""
    started = time.perf_counter()
    rollouts = _roll_out(config, experiment, backend, state)
    state, info = _update(config, experiment, state, rollouts)
    metrics = {
        "generation": int(state.strategy.generation),
        "env_steps": state.env_steps,
        "wall_seconds": 0.0,
        "env_steps_per_second": rollouts.lengths.sum() / (time.perf_counter() - started),
        **_summary(rollouts),
        **{name: float(value) for name, value in info._asdict().items()},
    }
    if metrics["generation"] % config.run.evaluate_every == 0:
        evaluation = _evaluate(config, experiment, backend, state)
        evaluation["worker_restarts"] += rollouts.restarts
        metrics |= evaluation
    state = state._replace(wall_seconds=state.wall_seconds + time.perf_counter() - started)
    return state, metrics | {"wall_seconds": state.wall_seconds}


def _roll_out(
    config: ExperimentConfig, experiment: Experiment, backend: RolloutBackend, state: TrainingState
) -> Rollouts:
    """The episodes of the next generation's candidates."""
    strategy, generation = config.strategy, int(state.strategy.generation)
    signs = strategy.population // strategy.directions
    seeds = training_seeds(config.run.seed, generation, strategy.directions, signs, strategy.episodes)
    return backend.evaluate(experiment.candidate_weights(state.strategy), normalising_moments(config, state), seeds)


def _update(
    config: ExperimentConfig, experiment: Experiment, state: TrainingState, rollouts: Rollouts
) -> tuple[TrainingState, StrategyInfo]:
    """The state that learnt from a generation's episodes, the clock left as it is."""
    fitness = (rollouts.returns - config.task.alive_bonus_shift * rollouts.lengths).mean(axis=1)
    strategy, info = experiment.strategy.tell(state.strategy, jnp.asarray(told_returns(config.strategy, fitness)))
    moments = reduce(Moments.merge, rollouts.moments, state.moments)
    env_steps = state.env_steps + int(rollouts.lengths.sum())
    return state._replace(strategy=strategy, moments=moments, env_steps=env_steps), info


def record(
    run: RunDirectory,
    state: TrainingState,
    new_state: TrainingState,
    metrics: Metrics,
    report: Callable[[Metrics], None],
) -> TrainingState:
    """Write a generation down; the new state, with the best evaluation so far."""
    run.append_metrics(metrics)
    generation = metrics["generation"]
    evaluation = metrics.get("evaluation_return_mean", -np.inf)
    if evaluation > state.best_return:
        new_state = new_state._replace(best_return=float(evaluation))
        run.checkpoints.save_best(generation, new_state)
    is_over = run.config.run.is_over(generation, metrics["env_steps"])
    if generation % run.config.run.checkpoint_every == 0 or is_over:
        run.checkpoints.save(generation, new_state)
    report(metrics)
    return new_state


def _evaluate(
    config: ExperimentConfig, experiment: Experiment, backend: RolloutBackend, state: TrainingState
) -> Metrics:
    seeds = evaluation_seeds(config.run.seed, config.run.evaluation_episodes)
    rollouts = evaluate_state(config, experiment, backend, state, seeds)
    return {
        "evaluation_return_mean": rollouts.returns.mean(),
        "evaluation_return_std": rollouts.returns.std(),
        "worker_restarts": rollouts.restarts,
    }


def _summary(rollouts: Rollouts) -> Metrics:
    """Statistics of a generation's candidates; returns as the task gives them, failed candidates left out."""
    failed = rollouts.failed.any(axis=1)
    returns = rollouts.returns.mean(axis=1)[~failed]
    some = returns if returns.size else np.array([np.nan])
    return {
        "return_mean": some.mean(),
        "return_std": some.std(),
        "return_min": some.min(),
        "return_max": some.max(),
        "saturated_fraction": rollouts.saturated.mean(),
        "failed_candidates": int(failed.sum()),
        "worker_restarts": rollouts.restarts,
    }
