"""The episodes of one generation of ODEtoODE on one backend, as often as one likes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from odes_rl.config.layering import layer_values
from odes_rl.rollouts.protocol import Foreseeing, RolloutBackend, Rollouts
from odes_rl.rollouts.seeds import training_seeds
from odes_rl.training.experiment import Experiment, TrainingState, initial_state, make_experiment, open_backend

_STARTS = 32
"""Different starts of all episodes: drawing one is work of the host, which is measured by itself."""
GOES_ON = {"task.options": {"terminate_when_unhealthy": False}}
"""Episodes of tasks that end at a fall go on, or their length would be what is measured."""
FALLS = ("Hopper-v5", "Humanoid-v5")


class Generation(NamedTuple):
    """Candidates, their backend, and the seeds [C, 1] of their episodes."""

    experiment: Experiment
    state: TrainingState
    backend: RolloutBackend
    weights: Any
    seeds: np.ndarray

    def run(self) -> tuple[float, Rollouts]:
        """Seconds of all episodes, and their results."""
        if isinstance(self.backend, Foreseeing):
            self.backend.foresee(self.seeds)  # keeps the starts
        started = time.perf_counter()
        rollouts = self.backend.evaluate(self.weights, self.state.moments, self.seeds)
        return time.perf_counter() - started, rollouts


@contextmanager
def opened(cell: dict[str, Any]) -> Iterator[Generation]:
    """The generation of a cell: `task`, `backend`, `candidates`, `hidden`, `max_steps`.

    Raises:
        UserError: if the backend cannot be had, or not for this task.
    """
    options = {
        "task.id": cell["task"],
        "task.max_steps": cell["max_steps"],
        "policy.hidden": cell["hidden"],
        "strategy.population": cell["candidates"],
        "rollouts.backend": cell["backend"],
    }
    config = layer_values({}, options | (GOES_ON if cell["task"] in FALLS else {}), default_directory="unused")
    experiment = make_experiment(config)
    state = initial_state(experiment, seed=0)
    weights = experiment.candidate_weights(state.strategy)
    seeds = np.resize(training_seeds(0, 0, min(_STARTS, cell["candidates"]), 1, 1), (cell["candidates"], 1))
    with open_backend(config, experiment.policy) as backend:
        yield Generation(experiment, state, backend, weights, seeds)
