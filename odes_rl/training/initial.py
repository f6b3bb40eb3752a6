"""A run that starts from the policy of another one."""

import logging
from typing import Any, NamedTuple

import jax

from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import UserError
from odes_rl.rollouts.protocol import Moments
from odes_rl.runs.archive import OtherSignatureError
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.evaluate import check_trained, restore_policy
from odes_rl.training.experiment import Experiment, TrainingState, make_experiment, restorable_state

_PARAMS, _MOMENTS = ".strategy.params", ".moments"
"""Beginnings of the names that arrays of these have in a checkpoint."""
_FAR = 1e-3
"""From a manifold: float32 leaves points much nearer, and another manifold's points lie further."""
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
        UserError: as `make_experiment` and `read_initial` do.
    """
    read_initial(config, make_experiment(config))


def read_initial(config: ExperimentConfig, experiment: Experiment) -> Initial | None:
    """What the run of `config` takes from the run that `run.initial` names; None if it names none.

    Only its config and the checkpoint's arrays are read: the task of that run need not be had here.

    Raises:
        UserError: no trained run; parameters of other shapes, or off the manifolds; observations of another size.
    """
    path = config.run.initial
    if path is None:
        return None
    like = restorable_state(experiment)
    strategy = like.strategy._replace(optimizer=None, generation=None, key=None, scales=None)
    asked: Any = TrainingState(strategy, like.moments, None, None, None)  # pyright: ignore[reportArgumentType]
    try:
        run = RunDirectory.open(path)
        check_trained(run)
        within = (_PARAMS, _MOMENTS)
        generation, state, _ = restore_policy(run, asked, config.run.initial_checkpoint, within)
    except OtherSignatureError as error:
        leaf = error.name.removeprefix(".strategy.")
        raise UserError(
            f"run.initial: {path!r} does not fit: {leaf} is {error.there} in it, {error.here} here; give the "
            f"policy its options in {path}/config.yaml, and a task of the same sizes"
        ) from None
    except UserError as error:
        raise UserError(f"run.initial: {error}") from error
    _check_manifolds(path, state.strategy.params, experiment.policy.manifolds)
    return Initial(state.strategy.params, state.moments, generation, _changes(path, run.config, config))


def started_from(experiment: Experiment, state: TrainingState, initial: Initial) -> TrainingState:
    """The first `state` of a run, with the parameters and moments of another one; its optimiser has seen no update.

    Warns of options with which they act otherwise.
    """
    if initial.changes:
        _log.warning("run.initial: %s", initial.changes)
    strategy = jax.jit(experiment.strategy.init)(state.strategy.key, initial.params)
    return state._replace(strategy=strategy, moments=initial.moments)


def _check_manifolds(path: str, params: Any, manifolds: Any) -> None:
    """Check that `params` lie on `manifolds`, which mirror them."""
    violations = jax.tree.map(lambda manifold, leaf: manifold.violation(leaf), manifolds, params)
    named = jax.tree_util.tree_leaves_with_path(violations)
    for (name, distance), manifold in zip(named, jax.tree.leaves(manifolds), strict=True):
        if not distance <= _FAR:
            leaf = f"params{jax.tree_util.keystr(name)} of {path!r}"
            raise UserError(
                f"run.initial: {leaf} lies {float(distance):.2g} off the manifold {manifold} that it is trained on "
                f"here; give the policy its options in {path}/config.yaml"
            )


def _changes(path: str, before: ExperimentConfig, now: ExperimentConfig) -> str:
    """The options with which the same parameters act otherwise, in words; empty if there are none."""
    there, here = _acting_options(before), _acting_options(now)
    changed = [
        f"{name} is {here.get(name)}, there {there.get(name)}"
        for name in dict.fromkeys([*here, *there])
        if here.get(name) != there.get(name)
    ]
    return f"the policy of {path} acts otherwise here: {'; '.join(changed)}" if changed else ""


def _acting_options(config: ExperimentConfig) -> dict[str, Any]:
    task = config.task
    policy = {f"policy.{name}": value for name, value in config.policy.model_dump().items()}
    return policy | {"task.normalise_observations": task.normalise_observations, "task.clip_observations": task.clip}
