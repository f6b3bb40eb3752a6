"""Training: ask, roll out, tell, write down; generation by generation."""

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import reduce

import jax.numpy as jnp

from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import StorageError
from odes_rl.es.returns import told_returns
from odes_rl.es.strategy import StrategyInfo
from odes_rl.interrupts import check_interrupted, interruptible, signals_noted
from odes_rl.rollouts.cautions import warn_if_endless, warn_of_constants, warn_of_own_step
from odes_rl.rollouts.choosing import choose_backend
from odes_rl.rollouts.failures import FutileGenerations
from odes_rl.rollouts.protocol import Moments, RolloutBackend, Rollouts
from odes_rl.rollouts.seeds import evaluation_seeds
from odes_rl.rollouts.summaries import EVALUATION, evaluation_metrics, generation_metrics
from odes_rl.runs.metrics import Metrics, plain_metrics
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.evaluate import evaluate_state, warmed_up
from odes_rl.training.experiment import (
    Experiment,
    TrainingState,
    initial_state,
    make_experiment,
    open_backend,
    restorable_state,
)
from odes_rl.training.initial import read_initial, started_from
from odes_rl.training.rescaling import rescaled
from odes_rl.training.rounds import roll_out

_log = logging.getLogger(__name__)


def train(run: RunDirectory, report: Callable[[Metrics], None]) -> TrainingState:
    """Train the policy of `run` to the end that its config sets, from its latest checkpoint if it has one.

    `report` receives each line of the metrics. Whatever interrupts training, the state after the last
    finished generation is saved first, if it can be. The policy of the last generation is evaluated. Signals are noted
    meanwhile (`odes_rl.interrupts`).

    Raises:
        UserError: if the task or the checkpoint does not suit the config.
        EnvironmentFailure: if an environment raises, or nothing but failed candidates came for long.
        StorageError: if the run cannot be written, as on a full disk.
        KeyboardInterrupt: on Ctrl-C, SIGTERM or SIGHUP.
    """
    config = run.config
    run.loggers.check()
    with signals_noted(), ExitStack() as stack:
        experiment = interruptible(make_experiment, config)
        warn_if_endless(config.task.id, experiment.task, config.task.max_steps)
        warn_of_own_step(config.task.id, config.task.setup)
        futile = FutileGenerations(config.task.id, config.run.failing_generations)
        backend = stack.enter_context(open_backend(config, experiment.policy))
        state = _begin(run, experiment, backend, report)
        compiled: set[int] = set()
        try:
            while not config.run.is_over(int(state.strategy.generation), state.env_steps):
                check_interrupted()
                new_state, metrics = advance(config, experiment, backend, state)
                if metrics["population"] not in compiled:  # another number of rounds is compiled for
                    compiled.add(metrics["population"])
                    metrics["env_steps_per_second"] = None
                if config.task.normalise_observations:
                    warn_of_constants(config.task.id, state.moments, new_state.moments)
                state = record(run, new_state, metrics, report)
                futile.note(metrics)
            futile.finish()
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
    if run.has_progress():
        generation, state = run.checkpoints.restore(restorable_state(experiment))
        if run.config.run.is_over(generation, state.env_steps):
            run.cut_back(generation)
            _evaluate_end(run, experiment, backend, state, report)
        else:
            forget_end(run, generation)
        _write_launch(run, generation)
        return state
    state = interruptible(initial_state, experiment, run.config.run.seed)
    run.cut_back(-1)
    _write_launch(run, 0)
    started = time.perf_counter()
    initial = interruptible(read_initial, run.config, experiment)
    if initial is None:
        state = warmed_up(run.config, experiment, backend, state)
    else:
        state = interruptible(started_from, experiment, state, initial)
    rollouts = _evaluate(run.config, experiment, backend, state)
    if state.moments.count == 0:  # the first generation's moments are taken about what was seen here
        state = state._replace(moments=state.moments._replace(mean=rollouts.moments[0].mean))
    seconds = time.perf_counter() - started
    metrics = {"generation": 0, "env_steps": state.env_steps, "wall_seconds": seconds, **evaluation_metrics(rollouts)}
    if initial is not None:
        metrics["initial_generation"] = initial.generation
    return record(run, state._replace(wall_seconds=seconds), metrics, report)


def forget_end(run: RunDirectory, generation: int) -> None:
    """Cut `run` back to `generation`, and forget what was evaluated only because the run ended there.

    A run that goes on has evaluations every `evaluate_every` generations, and no others: the metrics and the best
    checkpoint of one that never ended.
    """
    scheduled = run.config.run.is_scheduled
    run.cut_back(generation, () if scheduled(generation) else EVALUATION)
    run.checkpoints.forget_best(lambda best: not scheduled(best))


def _evaluate_end(
    run: RunDirectory,
    experiment: Experiment,
    backend: RolloutBackend,
    state: TrainingState,
    report: Callable[[Metrics], None],
) -> None:
    """Evaluate the policy of a run that is over, unless it is: an interrupted run may be told to end where it was."""
    lines = run.metrics()
    if not lines or EVALUATION[0] in (line := lines[-1]) or line["generation"] != int(state.strategy.generation):
        return
    evaluation = evaluation_metrics(_evaluate(run.config, experiment, backend, state))
    evaluation["worker_restarts"] += line["worker_restarts"]
    line |= plain_metrics(evaluation)
    run.amend_metrics(line)
    _keep_best(run, state, line)
    report(line)


def _write_launch(run: RunDirectory, generation: int) -> None:
    """Write down what computes the generations from here on: `auto` says so of no run."""
    choice = choose_backend(run.config.rollouts, run.config.episodes)
    told = {name: getattr(choice, name) for name in ("backend", "workers", "lanes", "inference")}
    run.append_launch({"generation": generation, **told})


def advance(
    config: ExperimentConfig, experiment: Experiment, backend: RolloutBackend, state: TrainingState
) -> tuple[TrainingState, Metrics]:
    """One generation: the state after it and its line of metrics."""
    started = time.perf_counter()
    state = rescaled(config, experiment, state)
    rollouts = roll_out(config, experiment, backend, state)
    state, info = _update(config, experiment, state, rollouts)
    metrics = {
        "generation": int(state.strategy.generation),
        "env_steps": state.env_steps,
        "wall_seconds": 0.0,
        "env_steps_per_second": rollouts.lengths.sum() / (time.perf_counter() - started),
        **generation_metrics(rollouts),
        **{name: float(value) for name, value in info._asdict().items()},
    }
    if config.run.is_evaluated(metrics["generation"], metrics["env_steps"]):
        evaluation = evaluation_metrics(_evaluate(config, experiment, backend, state))
        evaluation["worker_restarts"] += rollouts.restarts
        metrics |= evaluation
    state = state._replace(wall_seconds=state.wall_seconds + time.perf_counter() - started)
    return state, metrics | {"wall_seconds": state.wall_seconds}


def _update(
    config: ExperimentConfig, experiment: Experiment, state: TrainingState, rollouts: Rollouts
) -> tuple[TrainingState, StrategyInfo]:
    """The state that learnt from a generation's episodes, the clock left as it is."""
    fitness = (rollouts.returns - config.task.alive_bonus_shift * rollouts.lengths).mean(axis=1)
    told = told_returns(config.strategy, fitness)
    strategy, info = experiment.strategy.tell(state.strategy, jnp.asarray(told.reshape(-1, config.strategy.population)))
    moments = reduce(Moments.merge, rollouts.moments, state.moments)
    env_steps = state.env_steps + int(rollouts.lengths.sum())
    return state._replace(strategy=strategy, moments=moments, env_steps=env_steps), info


def record(
    run: RunDirectory, state: TrainingState, metrics: Metrics, report: Callable[[Metrics], None]
) -> TrainingState:
    """Write a generation down; the `state` after it, with the best evaluation so far."""
    run.append_metrics(metrics)
    generation = metrics["generation"]
    state = _keep_best(run, state, metrics)
    is_over = run.config.run.is_over(generation, metrics["env_steps"])
    if generation % run.config.run.checkpoint_every == 0 or is_over:
        run.checkpoints.save(generation, state)
    report(metrics)
    return state


def _keep_best(run: RunDirectory, state: TrainingState, metrics: Metrics) -> TrainingState:
    """Save `state` if `metrics` have a better evaluation than any before; the state, with the best one so far.

    An evaluation that is only the end's leaves the state as it is, and the earlier best beside it: see `forget_end`.
    """
    generation, score = metrics["generation"], metrics.get("evaluation_score")
    if score is None or not score > state.best_return:
        return state
    better = state._replace(best_return=float(score))
    scheduled = run.config.run.is_scheduled(generation)
    run.checkpoints.save_best(generation, better, keep_earlier=not scheduled)
    return better if scheduled else state


def _evaluate(
    config: ExperimentConfig, experiment: Experiment, backend: RolloutBackend, state: TrainingState
) -> Rollouts:
    seeds = evaluation_seeds(config.run.seed, config.run.evaluation_episodes)
    return evaluate_state(config, experiment, backend, state, seeds)
