"""Fitting: epochs of supervised learning, each written down."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from odes_rl.config.schema import FitConfig
from odes_rl.interrupts import interruptible, signals_noted
from odes_rl.runs.metrics import Metrics
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.supervised.data.corruptions import CORRUPTIONS, corrupt
from odes_rl.supervised.data.dataset import Dataset, Split
from odes_rl.supervised.data.loading import load_corrupted, load_dataset
from odes_rl.supervised.learner import FitState, Learner, make_learner
from odes_rl.supervised.models import make_model
from odes_rl.supervised.models.model import Model

TEST = "test"
"""The name of the clean test examples among those that are evaluated."""


class Fitting(NamedTuple):
    """The parts that a config describes.

    Attributes:
        data: what is learnt from.
        evaluated: name → examples that the model is evaluated on; `test`, and the corruptions if asked for.
        model: as the config names it.
        learner: its `epoch` and `evaluate` are compiled.
    """

    data: Dataset
    evaluated: dict[str, Split]
    model: Model
    learner: Learner


class FitProgress(NamedTuple):
    """All that a checkpoint holds: the learner's state, and the time spent fitting."""

    state: FitState
    wall_seconds: float


def make_fitting(config: FitConfig) -> Fitting:
    """The fitting that `config` describes.

    Raises:
        UserError: if the data cannot be read.
    """
    data = load_dataset(config.data.source)
    pixels = int(np.prod(data.train.images.shape[1:]))
    model = make_model(config.model, pixels, data.classes)
    learner = make_learner(config.optimizer, model)
    compiled = learner._replace(epoch=jax.jit(learner.epoch), evaluate=jax.jit(learner.evaluate))
    return Fitting(data, {TEST: data.test} | _corrupted(config, data.test), model, compiled)


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
        UserError: if there is no such checkpoint, or the data cannot be read.
    """
    run.check_begun()
    config = run.config
    clean = config.model_copy(update={"data": config.data.model_copy(update={"corrupted": False})})
    fitting = make_fitting(clean)
    _, progress = run.checkpoints.restore(restorable_progress(fitting))
    return fitting, progress.state


def fit(run: RunDirectory[FitConfig], report: Callable[[Metrics], None]) -> FitProgress:
    """Fit the model of `run` to the end that its config sets, from its latest checkpoint if it has one.

    `report` receives each line of the metrics. Whatever interrupts it, the state after the last finished epoch is
    saved first. Signals are noted meanwhile (`odes_rl.interrupts`).

    Raises:
        UserError: if the data or the checkpoint does not suit the config.
        StorageError: if the run cannot be written.
        KeyboardInterrupt: on Ctrl-C, SIGTERM or SIGHUP.
    """
    options = run.config.run
    run.loggers.check()
    with signals_noted():
        fitting = interruptible(make_fitting, run.config)
        train = _on_device(fitting.data.train)
        evaluated = {name: _on_device(split) for name, split in fitting.evaluated.items()}
        progress, compiled = _begin(run, fitting, evaluated), False
        try:
            while (epoch := int(progress.state.epoch) + 1) <= options.epochs:
                advanced, metrics = _advance(fitting, progress, train, compiled=compiled)
                if options.is_scheduled(epoch) or epoch == options.epochs:
                    metrics |= evaluate(fitting, advanced.state, evaluated)
                run.append_metrics(metrics)
                progress = advanced  # not before its line is written: an interrupt saves what it finds here
                compiled = True
                if epoch % options.checkpoint_every == 0 or epoch == options.epochs:
                    run.checkpoints.save(epoch, progress)
                report(metrics)
        except KeyboardInterrupt:
            run.checkpoints.save(int(progress.state.epoch), progress)
            raise
    return progress


def evaluate(fitting: Fitting, state: FitState, evaluated: dict[str, tuple[jax.Array, jax.Array]]) -> Metrics:
    """Loss on the test examples, and accuracy on them and on each corruption of them."""
    assess = fitting.learner.evaluate
    measured = {name: interruptible(_ready, assess, state.params, *split) for name, split in evaluated.items()}
    accuracies = {f"{name}_accuracy": float(accuracy) for name, (_, accuracy) in measured.items()}
    return {f"{TEST}_loss": float(measured[TEST][0]), **accuracies}


def _begin(
    run: RunDirectory[FitConfig], fitting: Fitting, evaluated: dict[str, tuple[jax.Array, jax.Array]]
) -> FitProgress:
    """The state of the latest checkpoint, or a new run's.

    A run that goes on forgets what was evaluated only because it ended there, as if it never had.
    """
    if not run.has_progress():
        progress = interruptible(initial_progress, fitting, run.config.run.seed)
        run.cut_back(0)
        run.checkpoints.save(0, progress)  # for a kill before the next one
        return progress
    epoch, progress = run.checkpoints.restore(restorable_progress(fitting))
    over = epoch >= run.config.run.epochs
    names = [f"{TEST}_loss", *(f"{name}_accuracy" for name in evaluated)]
    run.cut_back(epoch, () if over or run.config.run.is_scheduled(epoch) else names)
    lines = run.metrics()
    if over and lines and lines[-1]["epoch"] == epoch and names[0] not in lines[-1]:
        run.amend_metrics(lines[-1] | evaluate(fitting, progress.state, evaluated))
    return progress


def _advance(
    fitting: Fitting, progress: FitProgress, train: tuple[jax.Array, jax.Array], *, compiled: bool
) -> tuple[FitProgress, Metrics]:
    """One epoch: what there is after it, and its line of metrics, which tells no speed before all is `compiled`."""
    started = time.perf_counter()
    state, info = interruptible(_ready, fitting.learner.epoch, progress.state, *train)
    seconds = time.perf_counter() - started
    progress = FitProgress(state, progress.wall_seconds + seconds)
    return progress, {
        "epoch": int(state.epoch),
        "wall_seconds": progress.wall_seconds,
        "examples_per_second": len(train[1]) / seconds if compiled else None,
        **{name: float(value) for name, value in info._asdict().items()},
    }


def _ready(function: Callable[..., Any], *arguments: Any) -> Any:
    return jax.block_until_ready(function(*arguments))


def _corrupted(config: FitConfig, test: Split) -> dict[str, Split]:
    if not config.data.corrupted:
        return {}
    directory = config.data.corrupted_directory
    if directory is not None:
        return {name: load_corrupted(directory, name) for name in CORRUPTIONS}
    return {name: Split(corrupt(name, test.images, config.run.seed), test.labels) for name in CORRUPTIONS}


def _on_device(split: Split) -> tuple[jax.Array, jax.Array]:
    """Images [n, pixels] uint8 and labels [n]."""
    return jax.device_put(split.images.reshape(len(split.labels), -1)), jax.device_put(split.labels)
