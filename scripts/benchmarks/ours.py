"""Ours: whole generations of a training run of ODEtoODE, phase by phase, with any backend."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

import jax
import numpy as np
from recording import Episode, record_episodes

from odes_rl.config.layering import layer_values
from odes_rl.config.schema import ExperimentConfig, RunConfig
from odes_rl.rollouts.board import posted
from odes_rl.rollouts.episodes import Lane
from odes_rl.rollouts.protocol import EpisodeSettings, Moments, RolloutBackend, Rollouts
from odes_rl.rollouts.seeds import training_seeds
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.experiment import initial_state, make_experiment, open_backend
from odes_rl.training.journal import Journal
from odes_rl.training.rescaling import rescaled
from odes_rl.training.train import advance

_NEVER = 10**6
_CHECKPOINT_EVERY = RunConfig.model_fields["checkpoint_every"].default


class Setting(NamedTuple):
    """What is trained: a task, its episodes' limit, size of the hidden state, candidates a generation."""

    task: str
    max_steps: int | None
    hidden: int
    population: int


class Phases(NamedTuple):
    """One generation: its environment steps, and the seconds of its phases.

    Attributes:
        steps: of all its episodes.
        candidates: asking and materialising.
        rollouts: the backend's.
        update: shaping, gradient, optimiser, observation statistics, and the metrics' making.
        records: the metrics' writing, and a checkpoint's time spread over the generations between two.
    """

    steps: int
    candidates: float
    rollouts: float
    update: float
    records: float

    def seconds(self) -> float:
        """The whole generation's."""
        return self.candidates + self.rollouts + self.update + self.records


class TimedBackend:
    """A backend that notes when the weights are there, when the rollouts are, and what they were."""

    def __init__(self, backend: RolloutBackend) -> None:
        self.backend = backend

    def evaluate(
        self, weights: Any, statistics: Moments, episode_seeds: np.ndarray, steps: int | None = None
    ) -> Rollouts:
        """See `RolloutBackend.evaluate`."""
        jax.block_until_ready(weights)  # they are computed in the background: without this it counts as rollouts
        self.entered = time.perf_counter()
        self.rollouts = self.backend.evaluate(weights, statistics, episode_seeds, steps)
        self.left = time.perf_counter()
        return self.rollouts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None: ...


class Trainer:
    """The first generation of a run, as often as one likes: the same candidates and the same episodes each time."""

    def __init__(self, setting: Setting, directory: str) -> None:
        self.options = {
            "task.id": setting.task,
            "task.max_steps": setting.max_steps,
            "task.normalise_observations": False,
            "policy.hidden": setting.hidden,
            "strategy.population": setting.population,
            "strategy.interactions": None,  # one round, whose episodes are recorded
            "run.generations": _NEVER,
            "run.evaluate_every": _NEVER,
            "run.checkpoint_every": _NEVER,  # `generation` adds their time
        }
        self.config = self._config(directory, {})
        self.experiment = make_experiment(self.config)
        self.state = rescaled(self.config, self.experiment, initial_state(self.experiment, seed=0))
        self.weights = self.experiment.candidate_weights(self.state.strategy, 0)
        self.run = RunDirectory.create(Path(directory) / "run", self.config)
        self.journal = Journal(self.run, lambda line: None)

    def _config(self, directory: str, more: dict[str, Any]) -> ExperimentConfig:
        return layer_values({}, self.options | more, default_directory=directory)

    @contextmanager
    def backend(self, **rollouts: Any) -> Iterator["Generations"]:
        """Generations with those options of the config's section `rollouts`.

        Raises:
            UserError: if the backend cannot be had, or not for this task.
        """
        config = self._config(str(self.run.path), {f"rollouts.{name}": value for name, value in rollouts.items()})
        with open_backend(config, self.experiment.policy) as backend:
            yield Generations(self, config, TimedBackend(backend))

    def record_episodes(self) -> list[Episode]:
        """The episodes of the generation's candidates."""
        return record_episodes(Lane(self.episode_settings()), posted(*self.questions()))

    def episode_settings(self) -> EpisodeSettings:
        """What a lane is told of them."""
        task, policy = self.config.task, self.config.policy
        return EpisodeSettings(task.id, task.max_steps, self.experiment.policy.act_rule, policy.squash)

    def questions(self) -> tuple[Any, Moments, np.ndarray]:
        """Their weights, the statistics of observations, and their seeds, as a backend is asked."""
        seeds = training_seeds(0, 0, self.config.strategy.directions, 2, 1)
        return self.weights, Moments.empty(self.experiment.task.observation_size), seeds


class Generations:
    """The generation of a trainer, run with one backend.

    Attributes:
        outside: the share outside rollouts in each of `rate`'s measurements.
    """

    def __init__(self, trainer: Trainer, config: ExperimentConfig, backend: TimedBackend) -> None:
        self.trainer, self.config, self.backend = trainer, config, backend
        self.outside: list[float] = []

    def run(self) -> Phases:
        """One generation with all its records."""
        trainer, timed = self.trainer, self.backend
        started = time.perf_counter()
        state, metrics = advance(self.config, trainer.experiment, timed, trainer.state)
        advanced = time.perf_counter()
        trainer.journal.record(state, metrics)
        recorded = time.perf_counter()
        trainer.run.checkpoints.save(1, state)
        saved = (time.perf_counter() - recorded) / _CHECKPOINT_EVERY
        steps = int(timed.rollouts.lengths.sum())
        records = recorded - advanced + saved
        return Phases(steps, timed.entered - started, timed.left - timed.entered, advanced - timed.left, records)

    def rate(self, seconds: float) -> float:
        """Environment steps a second of as many whole generations as take at least `seconds`."""
        phases = [self.run()]
        while sum(one.seconds() for one in phases) < seconds:
            phases.append(self.run())
        elapsed = sum(one.seconds() for one in phases)
        self.outside.append(1 - sum(one.rollouts for one in phases) / elapsed)
        return sum(one.steps for one in phases) / elapsed

    def lengths(self) -> list[int]:
        """Of the episodes of the last generation, sorted."""
        return sorted(self.backend.rollouts.lengths.ravel().tolist())
