"""A run that starts from the policy of another one, or from a pretrained policy."""

import logging
from typing import Any, NamedTuple

import jax
import numpy as np

from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import UserError
from odes_rl.manifolds.trees import off_manifold
from odes_rl.pretrained.names import is_pretrained
from odes_rl.rollouts.environments import Task
from odes_rl.rollouts.protocol import Moments
from odes_rl.runs.archive import OtherSignatureError
from odes_rl.runs.logging_to import check_loggers
from odes_rl.training.experiment import Experiment, TrainingState, make_experiment
from odes_rl.training.restoring import check_trained, open_source, restore_learnt

_log = logging.getLogger(__name__)


class Initial(NamedTuple):
    """What a run takes from another one.

    Attributes:
        params: the parameters.
        moments: of the observations.
        generation: updates behind them.
        changes: options with which they act otherwise here, in words; empty if there are none.
    """

    params: Any
    moments: Moments
    generation: int
    changes: str


def check_startable(config: ExperimentConfig) -> None:
    """Build what a run of `config` needs, to find mistakes before anything is written.

    Raises:
        UserError: as `make_experiment`, `check_loggers` and `read_initial` do.
    """
    check_loggers(config.run.loggers, config.run.logger_options)
    read_initial(config, make_experiment(config))


def read_initial(config: ExperimentConfig, experiment: Experiment) -> Initial | None:
    """What the run of `config` takes from the run or pretrained policy that `run.initial` names; None if none.

    Only its config and its arrays are read: the task of that run need not be had here.

    Raises:
        UserError: no trained run; parameters of other shapes, or off the manifolds; observations of another size.
    """
    source = config.run.initial
    if source is None:
        return None
    try:
        before, state = _read(source, config, experiment)
    except UserError as error:
        raise UserError(f"run.initial: {error}") from error
    params, generation = state.strategy.params, int(state.strategy.generation)
    if found := off_manifold(experiment.policy.manifolds, params):
        fix = _fix(source, before, config)
        raise UserError(f"run.initial: {source!r}: {found} that it is trained on here; {fix}")
    return Initial(params, state.moments, generation, _changes(source, before, config, experiment.task))


def started_from(experiment: Experiment, state: TrainingState, initial: Initial) -> TrainingState:
    """The first `state` of a run, with the parameters and moments of another one; its optimiser has seen no update.

    Warns of options with which they act otherwise.
    """
    if initial.changes:
        _log.warning("run.initial: %s", initial.changes)
    strategy = jax.jit(experiment.strategy.init)(state.strategy.key, initial.params)
    return state._replace(strategy=strategy, moments=initial.moments)


def _read(source: str, config: ExperimentConfig, experiment: Experiment) -> tuple[ExperimentConfig, TrainingState]:
    """The config of `source`, and what it has learnt."""
    opened = open_source(source)
    check_trained(opened)
    try:
        return opened.config, restore_learnt(opened, experiment, config.run.initial_checkpoint)[0]
    except OtherSignatureError as error:
        leaf = error.name.removeprefix(".strategy").removeprefix(".")
        fix = _fix(source, opened.config, config)
        raise UserError(f"{source!r} does not fit: {leaf} is {error.there} in it, {error.here} here; {fix}") from None


def _fix(source: str, before: ExperimentConfig, now: ExperimentConfig) -> str:
    """What helps where the parameters of `source` do not fit."""
    if not is_pretrained(source):
        return f"give the policy its options in {source}/config.yaml, and a task of the same sizes"
    there, here = _acting_options(before), _acting_options(now)
    options = [f"{name} {value}" for name, value in there.items() if here.get(name) != value]
    own = f"the policy its options ({', '.join(options)}), and " if options else ""
    return f"give {own}{before.task.id} or a task of the same sizes"


def _changes(source: str, before: ExperimentConfig, now: ExperimentConfig, task: Task) -> str:
    """The options with which the same parameters act otherwise in the task, in words; empty if there are none."""
    there, here = _acting_options(before), _acting_options(now)
    alike = {"policy.squash"} if _squash_alike(task, before.policy.squash, now.policy.squash) else set()
    changed = [
        f"{name} is {here.get(name)}, there {there.get(name)}"
        for name in dict.fromkeys([*here, *there])
        if here.get(name) != there.get(name) and name not in alike
    ]
    return f"the policy of {source} acts otherwise here: {'; '.join(changed)}" if changed else ""


def _squash_alike(task: Task, one: str, other: str) -> bool:
    """Whether they are `rescale` and `clip`, and each action lies between -1 and 1, or does not have two bounds."""
    bounded = np.isfinite(task.low) & np.isfinite(task.high)
    return {one, other} <= {"rescale", "clip"} and bool(np.all(~bounded | ((task.low == -1) & (task.high == 1))))


def _acting_options(config: ExperimentConfig) -> dict[str, Any]:
    task = config.task
    policy = {f"policy.{name}": value for name, value in config.policy.model_dump().items()}
    seen = {"task.normalise_observations": task.normalise_observations, "task.clip_observations": task.clip}
    return policy | seen | {"task.actions": task.actions}
