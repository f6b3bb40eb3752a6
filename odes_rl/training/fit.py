"""Fitting: epochs of supervised learning, each written down."""

import time
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import jax

from odes_rl.config.schema import FitConfig
from odes_rl.errors import UserError
from odes_rl.interrupts import interruptible, signals_noted
from odes_rl.manifolds.trees import check_first_params
from odes_rl.runs.metrics import Metrics
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.supervised.learner import FitState
from odes_rl.supervised.models.learnable import Examples
from odes_rl.training.epochs import Epochs, Report, ready, step_by_step, whole_epochs
from odes_rl.training.fitting import TEST, Fitting, fingerprint, make_fitting


class FitProgress(NamedTuple):
    """All that a checkpoint holds: the learner's state, and the time spent fitting."""

    state: FitState
    wall_seconds: float


def initial_progress(fitting: Fitting, seed: int) -> FitProgress:
    """The initial state of a run with that seed."""
    return FitProgress(jax.jit(partial(_first_state, fitting))(jax.random.key(seed)), 0.0)


def restorable_progress(fitting: Fitting) -> FitProgress:
    """Shapes and dtypes of a run's progress, which are all that restoring it from a checkpoint needs."""
    return FitProgress(jax.eval_shape(partial(_first_state, fitting), jax.random.key(0)), 0.0)


def _first_state(fitting: Fitting, key: jax.Array) -> FitState:
    model_key, learner_key = jax.random.split(key)
    return fitting.learner.init(learner_key, fitting.model.init(model_key))


def restore_fit(run: RunDirectory[FitConfig]) -> tuple[Fitting, FitState]:
    """A run's fitting, without corruptions, and the state in its latest checkpoint.

    Raises:
        UserError: if there is no such checkpoint, or the data cannot be read, or are others.
    """
    run.check_begun()
    config = run.config
    uncorrupted = config.data.model_copy(update={"corrupted": False, "corrupted_directory": None})
    clean = config.model_copy(update={"data": uncorrupted})
    fitting = make_fitting(clean)
    _checked_data(run, fitting)
    _, progress = run.checkpoints.restore(restorable_progress(fitting))
    return fitting, progress.state


def fit(
    run: RunDirectory[FitConfig], report: Report, watch: Report | None = None, fitting: Fitting | None = None
) -> FitProgress:
    """Fit the model of `run` to the end that its config sets, from its latest checkpoint if it has one.

    `report` receives each line of the metrics; `watch`, of models that train step by step, those of unfinished epochs,
    with a fraction in their `epoch`. `fitting` is that of the run's config, if it has been made already. Whatever
    interrupts it, the state after the last finished epoch is saved first. Signals are noted meanwhile
    (`odes_rl.interrupts`).

    Raises:
        UserError: if the data or the checkpoint does not suit the config, or the model's first parameters do not lie on
            their manifolds.
        StorageError: if the run cannot be written.
        KeyboardInterrupt: on Ctrl-C, SIGTERM or SIGHUP.
    """
    options = run.config.run
    run.loggers.check()
    with signals_noted():
        fitting = fitting or interruptible(make_fitting, run.config)
        evaluated = {name: jax.device_put(examples) for name, examples in fitting.evaluated.items()}
        progress, epochs = _begin(run, fitting, evaluated), None
        try:
            while (epoch := int(progress.state.epoch) + 1) <= options.epochs:
                fresh = epochs is None
                epochs = epochs or _compile(fitting)
                advanced, metrics = _advance(epochs, progress, watch, fresh=fresh)
                if options.is_scheduled(epoch) or epoch == options.epochs:
                    metrics |= _timed_evaluation(fitting, advanced.state, evaluated)
                run.append_metrics(metrics)
                progress = advanced  # not before its line is written: an interrupt saves what it finds here
                if epoch % options.checkpoint_every == 0 or epoch == options.epochs:
                    run.checkpoints.save(epoch, progress)
                report(metrics)
        except BaseException as cause:
            run.checkpoints.save_before_leaving(int(progress.state.epoch), progress, cause)
            raise
    return progress


def evaluate(fitting: Fitting, state: FitState, evaluated: Mapping[str, Examples]) -> Metrics:
    """Loss and what else is measured on the test examples, and what else is measured on each corruption of them."""
    found: Metrics = {}
    for name, examples in evaluated.items():
        loss, measures = interruptible(ready, fitting.learner.evaluate, state.params, examples)
        found |= {f"{name}_loss": float(loss)} if name == TEST else {}
        found |= {f"{name}_{measure}": float(value) for measure, value in measures.items()}
    return found


def _timed_evaluation(fitting: Fitting, state: FitState, evaluated: Mapping[str, Examples]) -> Metrics:
    """As `evaluate`, with the seconds it takes, which are no part of `wall_seconds`."""
    started = time.perf_counter()
    found = evaluate(fitting, state, evaluated)
    return {"evaluation_seconds": time.perf_counter() - started, **found}


def _begin(run: RunDirectory[FitConfig], fitting: Fitting, evaluated: Mapping[str, Examples]) -> FitProgress:
    """The state of the latest checkpoint, or a new run's.

    A run that goes on forgets what was evaluated only because it ended there, as if it never had.
    """
    if not run.has_progress():
        progress = interruptible(initial_progress, fitting, run.config.run.seed)
        check_first_params("model", fitting.model.manifolds, progress.state.params)
        run.cut_back(0)
        run.checkpoints.save(0, progress)  # for a kill before the next one
        run.append_launch({"epoch": 0, "data": fingerprint(fitting)})
        return progress
    data = _checked_data(run, fitting)
    epoch, progress = run.checkpoints.restore(restorable_progress(fitting))
    over = epoch >= run.config.run.epochs
    measures = ["loss", *jax.eval_shape(fitting.learner.evaluate, progress.state.params, evaluated[TEST])[1]]
    names = ["evaluation_seconds", *(f"{name}_{measure}" for name in evaluated for measure in measures)]
    run.cut_back(epoch, () if over or run.config.run.is_scheduled(epoch) else names)
    lines = run.metrics()
    if over and lines and lines[-1]["epoch"] == epoch and f"{TEST}_loss" not in lines[-1]:
        run.amend_metrics(lines[-1] | _timed_evaluation(fitting, progress.state, evaluated))
    run.append_launch({"epoch": epoch, "data": data})
    return progress


def _checked_data(run: RunDirectory[FitConfig], fitting: Fitting) -> str:
    """The fingerprint of the data, which must be those that the run was begun with.

    Raises:
        UserError: if they are not.
    """
    data, before = fingerprint(fitting), [launch["data"] for launch in run.launches()]
    if before and before[0] != data:
        raise UserError(
            f"data.source {run.config.data.source!r} holds other data than those that {str(run.path)!r} was begun "
            "with: put them back, or begin a new run"
        )
    return data


def _compile(fitting: Fitting) -> Epochs:
    make = step_by_step if fitting.stepwise else whole_epochs
    return interruptible(make, fitting.learner, restorable_progress(fitting).state, fitting.train)


def _advance(
    epochs: Epochs, progress: FitProgress, watch: Report | None, *, fresh: bool
) -> tuple[FitProgress, Metrics]:
    """One epoch: what there is after it, and its line of metrics, which tells no speed in the first of a launch."""
    started = time.perf_counter()
    state, info = epochs.run(progress.state, watch)
    seconds = time.perf_counter() - started
    progress = FitProgress(state, progress.wall_seconds + seconds)
    return progress, {
        "epoch": int(state.epoch),
        "wall_seconds": progress.wall_seconds,
        "examples_per_second": None if fresh else epochs.examples / seconds,
        "activation_bytes": epochs.activation_bytes,
        **info.metrics(),
    }
