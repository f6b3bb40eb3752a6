"""Tiny runs for tests: of training, in real environments with short episodes, and of fitting."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.config.layering import FITTING, layer_values
from odes_rl.config.schema import FitConfig
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.experiment import TrainingState
from odes_rl.training.fit import FitProgress, fit
from odes_rl.training.train import train

TINY: dict[str, Any] = {
    "task.id": "Hopper-v5",
    "task.max_steps": 30,
    "policy.hidden": 6,
    "policy.steps": 4,
    "strategy.preset": "isotropic",
    "strategy.population": 6,
    "rollouts.backend": "serial",
    "run.generations": 4,
    "run.evaluate_every": 2,
    "run.evaluation_episodes": 2,
    "run.checkpoint_every": 2,
}
"""Six candidates, four generations; Hopper falls early, so episodes differ in length.

No schedule depends on the length of the run, so that a run made longer equals a longer one.
"""
DEFAULT: dict[str, Any] = {"strategy__preset": "default"}
"""Change of TINY to the defaults: scales of leaves are measured, and the learning rate falls over the run."""
TINY_FIT: dict[str, Any] = {
    "model.width": 12,
    "model.steps": 6,
    "model.dropout": 0.1,
    "run.epochs": 4,
    "run.checkpoint_every": 2,
}
"""ODEtoODE on the digits, four epochs; a model without steps wants `model__steps=None`."""

_TIMES = ("wall_seconds", "evaluation_seconds", "env_steps_per_second", "examples_per_second", "worker_restarts")


def create_run(directory: Path, **changes: Any) -> RunDirectory:
    """A new run of TINY, with dotted options changed (write `__` for a dot)."""
    options = TINY | {name.replace("__", "."): value for name, value in changes.items()}
    config = layer_values({}, options, default_directory=str(directory))
    return RunDirectory.create(directory, config)


def train_run(directory: Path, **changes: Any) -> tuple[RunDirectory, TrainingState]:
    """`create_run`, trained to its end."""
    with create_run(directory, **changes) as run:
        return run, train(run, lambda metrics: None)


def fit_run(directory: Path, **changes: Any) -> tuple[RunDirectory[FitConfig], FitProgress]:
    """A new run of TINY_FIT, with dotted options changed (write `__` for a dot, None leaves out), fitted to its end."""
    changed = TINY_FIT | {name.replace("__", "."): value for name, value in changes.items()}
    options = {name: value for name, value in changed.items() if value is not None}
    with RunDirectory.create(directory, layer_values({}, options, default_directory="x", kind=FITTING)) as run:
        return run, fit(run, lambda metrics: None)


def timeless(run: RunDirectory[Any]) -> list[dict[str, Any]]:
    """The run's metrics without what depends on the clock or on luck."""
    return [{name: value for name, value in line.items() if name not in _TIMES} for line in run.metrics()]


def bits(state: TrainingState) -> list[bytes]:
    """Every leaf of a state, byte for byte, the wall clock left out."""
    leaves = jax.tree.leaves(state._replace(wall_seconds=0.0))
    return [np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf).tobytes() for leaf in leaves]


def fit_bits(progress: FitProgress) -> list[bytes]:
    """Every leaf of what a fit has learnt, byte for byte."""
    state = progress.state
    leaves = jax.tree.leaves((state.params, state.optimizer, state.epoch, jax.random.key_data(state.key)))
    return [np.asarray(leaf).tobytes() for leaf in leaves]


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
