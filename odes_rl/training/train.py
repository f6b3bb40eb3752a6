"""Training: ask, roll out, tell, write down; generation by generation."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import reduce
from typing import NamedTuple

import jax.numpy as jnp

from odes_rl.config.schema import ExperimentConfig
from odes_rl.es.optimizers import learning_rate_part
from odes_rl.es.returns import told_returns
from odes_rl.es.strategy import StrategyInfo
from odes_rl.interrupts import check_interrupted, interruptible, signals_noted
from odes_rl.rollouts.cautions import warn_if_endless, warn_of_chance, warn_of_constants, warn_of_own_step
from odes_rl.rollouts.choosing import available_cores, choose_backend
from odes_rl.rollouts.failures import FutileGenerations
from odes_rl.rollouts.machine import processor
from odes_rl.rollouts.protocol import Moments, RolloutBackend, Rollouts
from odes_rl.rollouts.seeds import evaluation_seeds
from odes_rl.rollouts.summaries import generation_metrics
from odes_rl.rollouts.tasks import is_built_in
from odes_rl.runs.metrics import Metrics
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
from odes_rl.training.journal import Journal
from odes_rl.training.rescaling import rescaled
from odes_rl.training.restarts import (
    joined_metrics,
    selected,
    starts_of,
    together,
    warn_if_undecided,
    warn_of_costs,
)
from odes_rl.training.rounds import horizon_of, progress_of, roll_out


class Equipment(NamedTuple):
    """What training needs beside a run, and runs whose configs differ in their seeds can share."""

    experiment: Experiment
    backend: RolloutBackend


def train(run: RunDirectory, report: Callable[[Metrics], None], equipment: Equipment | None = None) -> TrainingState:
    """Train the policy of `run` to the end that its config sets, from its latest checkpoint if it has one.

    `equipment` is that of its config, opened already; none makes it.

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
        experiment, backend = equipment or stack.enter_context(_equipped(config))
        warn_if_endless(config.task.id, experiment.task)
        warn_of_own_step(config.task.id, config.task.setup, config.task.max_steps)
        journal = Journal(run, report)
        state = _begin(journal, experiment, backend)
        futile = FutileGenerations(config.task.id, config.run.failing_generations, run.metrics())
        compiled: set[int] = set()
        try:
            while not config.run.is_over(int(state.strategy.generation), state.env_steps):
                check_interrupted()
                new_state, metrics = advance(config, experiment, backend, state)
                if metrics["population"] not in compiled:  # another number of rounds is compiled for
                    compiled.add(metrics["population"])
                    metrics["env_steps_per_second"] = None
                if metrics["generation"] == 1:
                    if config.task.normalise_observations:
                        warn_of_constants(config.task.id, new_state.moments)
                    warn_of_costs(config.run, state, new_state)
                state = journal.record(new_state, metrics)
                futile.note(metrics)
            futile.finish()
            warn_if_undecided(state)
        except BaseException as cause:
            journal.save_before_leaving(state, cause)
            raise
    return state


@contextmanager
def _equipped(config: ExperimentConfig) -> Iterator[Equipment]:
    experiment = interruptible(make_experiment, config)
    with open_backend(config, experiment.policy) as backend:
        yield Equipment(experiment, backend)


def _begin(journal: Journal, experiment: Experiment, backend: RolloutBackend) -> TrainingState:
    """The state of the latest checkpoint, or a new run's with its first evaluation written down."""
    run = journal.run
    options = run.config.run
    if run.has_progress():
        generation, state = run.checkpoints.restore(
            lambda generation: restorable_state(experiment, options.starts_after(generation))
        )
        if options.is_over(generation, state.env_steps):
            journal.cut_back(generation)
            _evaluate_end(journal, experiment, backend, state)
        else:
            journal.forget_end(generation)
        _write_launch(run, generation)
        return state
    state = interruptible(initial_state, experiment, options.seed, options.restarts)
    run.cut_back(-1)
    _write_launch(run, 0)
    started = time.perf_counter()
    initial = interruptible(read_initial, run.config, experiment)
    if initial is not None:
        state = interruptible(started_from, experiment, state, initial)
    state, metrics = _first_evaluation(run.config, experiment, backend, state)
    if initial is not None:
        metrics["initial_generation"] = initial.generation
    seconds = time.perf_counter() - started
    metrics = {"generation": 0, "env_steps": state.env_steps, "wall_seconds": seconds, **metrics}
    return journal.record(state._replace(wall_seconds=seconds), metrics)


def _first_evaluation(
    config: ExperimentConfig, experiment: Experiment, backend: RolloutBackend, state: TrainingState
) -> tuple[TrainingState, Metrics]:
    """The state before the first generation, its observations' mean known, and the metrics of its evaluation."""
    starts, evaluated, env_steps = [], [], state.env_steps
    for start in starts_of(state):
        if config.run.initial is None and config.task.warmup_episodes:
            seen = evaluate_state(config, experiment, backend, start, evaluation_seeds(config.run.seed, 1))
            start = warmed_up(config, experiment, backend, _about(start, seen))
        rollouts = _evaluate(config, experiment, backend, start)
        if not starts and not is_built_in(config.task.id):
            again = evaluate_state(config, experiment, backend, start, evaluation_seeds(config.run.seed, 1))
            warn_of_chance(config.task.id, rollouts, again)
        start = _about(start, rollouts) if start.moments.count == 0 else start
        env_steps += start.env_steps - state.env_steps
        starts.append(start)
        evaluated.append(rollouts)
    return selected(config.run, together(starts)._replace(env_steps=env_steps), evaluated)


def _about(start: TrainingState, seen: Rollouts) -> TrainingState:
    """`start` before any moments, the first of which are to be taken about the mean of what was `seen`.

    Sums about 0 lose in rounding what entries vary by that are large beside it.
    """
    return start._replace(moments=start.moments._replace(mean=seen.moments[0].mean))


def _evaluate_end(journal: Journal, experiment: Experiment, backend: RolloutBackend, state: TrainingState) -> None:
    """Evaluate the policy of a run that is over, unless it is: an interrupted run may be told to end where it was."""
    lines, config = journal.run.metrics(), journal.run.config
    if lines and lines[-1]["generation"] == int(state.strategy.generation) and "evaluation_score" not in lines[-1]:
        rollouts = [_evaluate(config, experiment, backend, start) for start in starts_of(state)]
        journal.add_evaluation(state, selected(config.run, state, rollouts)[1])


def _write_launch(run: RunDirectory, generation: int) -> None:
    """Write down what computes the generations from here on, and on what: `auto` says so of no run."""
    choice = choose_backend(run.config.rollouts, run.config.episodes)
    told = {name: getattr(choice, name) for name in ("backend", "workers", "lanes", "inference")}
    run.append_launch({"generation": generation, **told, "processor": processor(), "cores": available_cores()})


def advance(
    config: ExperimentConfig, experiment: Experiment, backend: RolloutBackend, state: TrainingState
) -> tuple[TrainingState, Metrics]:
    """One generation of every start that is left: the state after it and its line of metrics."""
    started = time.perf_counter()
    starts, lines, env_steps = [], [], state.env_steps
    for start in starts_of(state):
        learnt, line = _learn(config, experiment, backend, start)
        env_steps += learnt.env_steps - start.env_steps
        starts.append(learnt)
        lines.append(line)
    speed = (env_steps - state.env_steps) / (time.perf_counter() - started)
    state = together(starts)._replace(env_steps=env_steps)
    metrics = {
        "generation": int(state.strategy.generation),
        "env_steps": env_steps,
        "wall_seconds": 0.0,
        "env_steps_per_second": speed,
        **joined_metrics(starts, lines),
    }
    if config.run.is_evaluated(metrics["generation"], env_steps):
        rollouts = [_evaluate(config, experiment, backend, start) for start in starts_of(state)]
        state, evaluation = selected(config.run, state, rollouts)
        evaluation["worker_restarts"] += metrics["worker_restarts"]
        metrics |= evaluation
    state = state._replace(wall_seconds=state.wall_seconds + time.perf_counter() - started)
    return state, metrics | {"wall_seconds": state.wall_seconds}


def _learn(
    config: ExperimentConfig, experiment: Experiment, backend: RolloutBackend, state: TrainingState
) -> tuple[TrainingState, Metrics]:
    """One generation of one start: the state after it, the clock left as it is, and its metrics."""
    state, horizon = rescaled(config, experiment, state), horizon_of(config, experiment, state)
    rollouts = roll_out(config, experiment, backend, state)
    state, info = _update(config, experiment, state, rollouts)
    updating = {name: float(value) for name, value in info._asdict().items()}
    return state, {"horizon": horizon, **generation_metrics(rollouts), **updating}


def _update(
    config: ExperimentConfig, experiment: Experiment, state: TrainingState, rollouts: Rollouts
) -> tuple[TrainingState, StrategyInfo]:
    """The state that learnt from a generation's episodes, the clock left as it is."""
    fitness = (rollouts.returns - config.task.alive_bonus_shift * rollouts.lengths).mean(axis=1)
    told = told_returns(config.strategy, fitness).reshape(-1, config.strategy.population)
    strategy, info = experiment.strategy.tell(state.strategy, jnp.asarray(told), progress_of(config, state))
    weight = observation_weight(config, int(state.strategy.generation), progress_of(config, state))
    moments = reduce(Moments.merge, (each.weighted(weight) for each in rollouts.moments), state.moments)
    env_steps = state.env_steps + int(rollouts.lengths.sum())
    return state._replace(strategy=strategy, moments=moments, env_steps=env_steps), info


def observation_weight(config: ExperimentConfig, generation: int, progress: float) -> float:
    """What an observation counts in the statistics after `generation` updates and that part of the run, in (0, 1]."""
    if config.task.observation_weights == "equal":
        return 1.0
    return float(learning_rate_part(config.strategy, jnp.asarray(generation), progress))


def _evaluate(
    config: ExperimentConfig, experiment: Experiment, backend: RolloutBackend, state: TrainingState
) -> Rollouts:
    seeds = evaluation_seeds(config.run.seed, config.run.evaluation_episodes)
    return evaluate_state(config, experiment, backend, state, seeds)
