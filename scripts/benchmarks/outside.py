"""The share of a generation outside rollouts: Humanoid-v5 whose episodes end at a fall, and at full length."""

import statistics
import tempfile
from argparse import Namespace
from typing import Any

from full_length import HUMANOID
from measuring import say, table
from ours import Phases, Setting, Trainer

GENERATIONS = {"early falls": "Humanoid-v5", "full length": HUMANOID}


def measure_outside(options: Namespace) -> dict[str, dict[str, Any]]:
    """Medians of the phases of whole generations, for each kind of generation."""
    return {kind: _measure(kind, task, options) for kind, task in GENERATIONS.items()}


def _measure(kind: str, task: str, options: Namespace) -> dict[str, Any]:
    setting = Setting(task, options.max_steps, options.hidden or 64, options.population)
    phases: list[Phases] = []
    with tempfile.TemporaryDirectory() as directory, Trainer(setting, directory).backend() as generations:
        for turn in range(options.rounds + 1):  # the first warms up
            phases.append(generations.run())
            seconds, rollouts = phases[-1].seconds(), phases[-1].rollouts
            say(f"{kind}: round {turn} of {options.rounds}: {seconds:.1f} s, {rollouts:.1f} s of them rollouts")
    medians = Phases(*(statistics.median(column) for column in zip(*phases[1:], strict=True)))  # type: ignore[arg-type]
    seconds = medians.seconds()
    return {
        **medians._asdict(),
        "steps_an_episode": medians.steps / options.population,
        "seconds": seconds,
        "outside": 1 - medians.rollouts / seconds,
    }


def outside_table(results: dict[str, dict[str, Any]]) -> str:
    """The phases in milliseconds, as a Markdown table."""
    phases = ("candidates", "rollouts", "update", "records")
    header = ["Humanoid-v5", "steps an episode", *(f"{phase} ms" for phase in phases), "outside rollouts"]
    rows = [
        [
            kind,
            f"{row['steps_an_episode']:.0f}",
            *(f"{1e3 * row[phase]:,.0f}" for phase in phases),
            f"{row['outside']:.1%}",
        ]
        for kind, row in results.items()
    ]
    return table(header, rows)
