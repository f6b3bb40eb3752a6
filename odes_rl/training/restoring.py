"""Policies read from where they are kept: a run's checkpoint, or the package."""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp

from odes_rl.config.layering import TRAINING
from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import UserError
from odes_rl.es.state import StrategyState
from odes_rl.pretrained.archive import Learnt, Pretrained, read_pretrained
from odes_rl.pretrained.names import is_pretrained
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.runs.files import resume_command
from odes_rl.runs.run_directory import RunDirectory, recorded_kind
from odes_rl.training.experiment import Experiment, TrainingState, make_experiment, restorable_state

Checkpoint = Literal["best", "latest"]
Source = RunDirectory[ExperimentConfig] | Pretrained
"""What holds a policy."""
_LEARNT = (".strategy.params", ".moments")
"""Beginnings of the names that the arrays of what a run has learnt have in a checkpoint."""


class Restored(NamedTuple):
    """A policy out of a run.

    Attributes:
        config: the run's, for this machine.
        experiment: what it describes.
        state: the policy's parameters, moments and generation; what only training needs is None.
        words: where the policy is from.
    """

    config: ExperimentConfig
    experiment: Experiment
    state: TrainingState
    words: str


def open_source(source: str | Path) -> Source:
    """What holds the policy at `source`: the directory of a run, or the name of a pretrained policy.

    Raises:
        UserError: if there is no such run, or one of another kind, or no such name.
    """
    if is_pretrained(source):
        return read_pretrained(str(source))
    if recorded_kind(source) is not TRAINING:
        raise UserError(
            f"{str(source)!r} is a run of `odes-rl fit`, whose model has no actions: give a run of `odes-rl train`"
        )
    return RunDirectory.open(source)


def restore(source: str | Path, checkpoint: Checkpoint = "best") -> Restored:
    """The policy at `source`, as `open_source` takes it; of a run as `restore_run` has it.

    Raises:
        UserError: if there is no such run, name or checkpoint, or a run of another kind.
    """
    return restore_run(open_source(source), checkpoint)


def restore_run(run: Source, checkpoint: Checkpoint = "best") -> Restored:
    """A run's policy in that checkpoint; in the latest, if only the untrained policy has been evaluated yet.

    Raises:
        UserError: if there is no such checkpoint.
    """
    if isinstance(run, RunDirectory):
        run.check_begun()
    config = _on_this_machine(run.config)
    experiment = make_experiment(_without_device(config))
    return Restored(config, experiment, *restore_learnt(run, experiment, checkpoint))


def check_trained(run: Source) -> None:
    """Check that the run has learnt something.

    Raises:
        UserError: if it has no checkpoint, or only that of the untrained policy.
    """
    if isinstance(run, Pretrained):
        return
    run.check_begun()
    if run.checkpoints.latest_generation() == 0:
        raise UserError(f"{str(run.path)!r} has no trained policy yet: continue it with `{resume_command(run.path)}`")


def restore_learnt(run: Source, experiment: Experiment, checkpoint: Checkpoint) -> tuple[TrainingState, str]:
    """What the run has learnt, in the shapes of `experiment`, and words for where it is from.

    Raises:
        OtherSignatureError: if the shapes are others.
        UserError: if there is no such checkpoint.
    """
    like = _learnt(restorable_state(experiment))
    if isinstance(run, Pretrained):
        generation, state, words = _from_file(run, like, checkpoint)
    else:
        generation, state, words = _from_checkpoint(run, like, checkpoint)
    return state._replace(strategy=state.strategy._replace(generation=jnp.int32(generation))), words


def _from_checkpoint(run: RunDirectory, like: TrainingState, checkpoint: Checkpoint) -> tuple[int, TrainingState, str]:
    generation, state = run.checkpoints.restore(like, checkpoint, _LEARNT)
    words = f"checkpoint: {checkpoint}, of generation {generation}"
    if generation == 0 and checkpoint == "best" and not _has_evaluated_what_it_learnt(run):
        generation, state = run.checkpoints.restore(like, "latest", _LEARNT)
        words = f"checkpoint: latest, of generation {generation}: only the untrained policy has been evaluated so far"
    if generation == 0:
        words = f"checkpoint: {checkpoint}, of generation 0: the untrained policy"
    return generation, state, words


def _from_file(file: Pretrained, like: TrainingState, checkpoint: Checkpoint) -> tuple[int, TrainingState, str]:
    if checkpoint != "best":
        raise UserError(f"checkpoint is {checkpoint!r}, but {file.name} is the best of its run alone: leave it out")
    card, learnt = file.card, file.learnt(Learnt(like.strategy.params, like.moments))
    state = like._replace(strategy=like.strategy._replace(params=learnt.params), moments=learnt.moments)
    words = f"{file.name}, of seed {card.seed}, generation {card.generation}, {card.env_steps:,} environment steps"
    return card.generation, state, words


def _learnt(state: TrainingState) -> TrainingState:
    """`state` with None for all that acting does not need."""
    strategy: Any = dict.fromkeys(StrategyState._fields) | {"params": state.strategy.params}
    whole: Any = dict.fromkeys(TrainingState._fields) | {"moments": state.moments}
    return TrainingState(**whole | {"strategy": StrategyState(**strategy)})


def _has_evaluated_what_it_learnt(run: RunDirectory) -> bool:
    return any(line["generation"] and line.get("evaluation_return_mean") is not None for line in run.metrics())


def _on_this_machine(config: ExperimentConfig) -> ExperimentConfig:
    """`config` without the cluster of `ray`, which may be gone by now: the bits are the same."""
    if config.rollouts.backend != "ray":
        return config
    here = RolloutsConfig(lanes=config.rollouts.lanes, deadline=config.rollouts.deadline)
    return config.model_copy(update={"rollouts": here})


def _without_device(config: ExperimentConfig) -> ExperimentConfig:
    """`config` without a backend that nothing but episodes on it needs: opening it says what is missing."""
    if config.rollouts.backend not in ("mjx", "envpool"):
        return config
    return config.model_copy(update={"rollouts": RolloutsConfig(backend="serial")})
