"""Tiny searches for tests, and what they came to."""

import os
import signal
from pathlib import Path
from typing import Any

import optuna
import yaml
from gymnasium.envs.classic_control.pendulum import PendulumEnv

from odes_rl.search.config import Search, load_search
from odes_rl.search.storage import open_study

TINY: dict[str, Any] = {
    "base": {
        "task": {"id": "tests.search.searching:Signalling", "max_steps": 10},
        "policy": {"name": "linear"},
        "strategy": {"population": 2},
        "rollouts": {"backend": "serial"},
        "run": {"evaluate_every": 1, "evaluation_episodes": 1, "checkpoint_every": 2},
    },
    "space": {
        "strategy.sigma": {"low": 0.01, "high": 0.5, "log": True},
        "strategy.learning_rate": {"low": 0.001, "high": 0.5, "log": True},
        "strategy.shaping": ["standardised", "centred_ranks"],
    },
    "trials": 8,
    "env_steps": 200,
    "startup_trials": 3,
}
"""Eight trials of ten generations; the sampler draws three of them at random, and a trial may be pruned then."""


class Signalling(PendulumEnv):
    """A pendulum that sends its process a signal at one of its steps, if told to."""

    steps_left: int | None = None

    def step(self, u: Any) -> Any:
        if Signalling.steps_left is not None:
            Signalling.steps_left -= 1
            if Signalling.steps_left == 0:
                os.kill(os.getpid(), signal.SIGINT)
        return super().step(u)


def write_search(path: Path, **changes: Any) -> Path:
    """TINY with some of its options changed, as a file at `path`; None leaves one out."""
    options = {"directory": str(path.parent / "out")} | TINY | changes
    path.write_text(
        yaml.safe_dump({name: value for name, value in options.items() if value is not None}, sort_keys=False)
    )
    return path


def read_search(path: Path) -> tuple[Search, optuna.Study]:
    """The search in the file at `path`, and its trials."""
    search = load_search(path, {}, {})
    return search, open_study(search)


def came_to(path: Path) -> list[tuple[Any, ...]]:
    """State, value, parameters and reports of all trials of the search in the file at `path`."""
    _, study = read_search(path)
    return [(trial.state.name, trial.value, trial.params, trial.intermediate_values) for trial in study.trials]
