"""A training on the device, for what time there is."""

import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from odes_rl.config.layering import layer_values
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.train import train


class _EnoughError(Exception):
    """Ends a training."""


def first(cell: dict[str, Any]) -> dict[str, Any]:
    """One generation, which compiles all that the others need."""
    return _train(cell | {"generations": 1}, seconds=float("inf"), report=lambda figures: None)


def measure(cell: dict[str, Any], seconds: float, report: Any) -> dict[str, Any]:
    """Generations, environment steps and evaluations of a training that ends within about `seconds`."""
    return _train(cell, seconds, report)


def _train(cell: dict[str, Any], seconds: float, report: Any) -> dict[str, Any]:
    options = {
        "task.id": cell["task"],
        "task.max_steps": cell["max_steps"],
        "strategy.population": cell["candidates"],
        "strategy.learning_rate_schedule": "constant",
        "rollouts.backend": "mjx",
        "run.generations": cell["generations"],
        "run.evaluate_every": 5,
    }
    started = time.perf_counter()
    figures: dict[str, Any] = {"generations": 0, "env_steps": 0, "rate": None, "evaluations": []}
    rates: list[float] = []
    took: list[float] = []

    def note(line: dict[str, Any]) -> None:
        elapsed = time.perf_counter() - started
        if line.get("env_steps_per_second"):
            rates.append(line["env_steps_per_second"])
        if "evaluation_score" in line:
            figures["evaluations"].append([elapsed, line["env_steps"], line["evaluation_score"]])
        took.append(elapsed - sum(took))
        figures.update(generations=line["generation"], env_steps=line["env_steps"], seconds=elapsed)
        figures["rate"] = statistics.median(rates) if rates else None
        report(figures)
        if elapsed + max(took[1:], default=0.0) > seconds:  # the first one compiles
            raise _EnoughError

    with tempfile.TemporaryDirectory() as directory:
        config = layer_values({}, options, default_directory=directory)
        with RunDirectory.create(Path(directory) / "run", config) as run, suppress(_EnoughError):
            train(run, note)
    return figures
