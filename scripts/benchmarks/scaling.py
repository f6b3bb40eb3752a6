"""Environment steps a second with 1, 2, 4, … worker processes, and with 1, 2, 4 and 8 lanes a worker.

Whole generations of ODEtoODE, beside MuJoCo's steps alone in as many processes, which says what the machine itself
gains by more of them. All are measured in turn, after a round to warm up; figures are medians of the rounds.

    .venv/bin/python scripts/benchmarks/scaling.py --output scaling.json
    .venv/bin/python scripts/benchmarks/scaling.py --quick
"""

import argparse
import os
import tempfile
from contextlib import ExitStack
from functools import partial
from typing import Any

os.environ.setdefault("MUJOCO_GL", "disable")

from measuring import Contestant, fill_in, in_turn, medians, table, write_report
from ours import Setting, Trainer
from replay import replayers

from odes_rl.rollouts.choosing import available_cores

QUICK = {"population": 8, "rounds": 1, "max_steps": 25, "seconds": 0.1}
FULL = {"population": 64, "rounds": 5, "max_steps": None, "seconds": 2.0}
LANES = (1, 2, 4, 8)


def worker_counts(cores: int) -> list[int]:
    """1, 2, 4, … below `cores`, and `cores`."""
    return sorted({1 << power for power in range(cores.bit_length()) if 1 << power < cores} | {cores})


def measure(task: str, options: argparse.Namespace) -> dict[str, Any]:
    """Medians of one task: steps a second by workers, by lanes, and of the physics by processes."""
    counts = worker_counts(options.workers)
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        trainer = Trainer(Setting(task, options.max_steps, options.hidden, options.population), directory)
        episodes = trainer.record_episodes()
        contestants: dict[str, Contestant] = {}
        for count in counts:
            replays = replayers(task, options.max_steps, episodes, count, options.seconds)
            contestants[f"physics in {count}"] = stack.enter_context(replays)["physics"]
        for workers, lanes in [(count, 1) for count in counts] + [(options.workers, lanes) for lanes in LANES[1:]]:
            backend = trainer.backend(backend="processes", workers=workers, lanes=lanes)
            generations = stack.enter_context(backend)
            contestants[f"{workers} x {lanes}"] = partial(generations.rate, options.seconds)
        rates = in_turn(contestants, options.rounds, task)
    return summary(rates, counts, options.workers)


def summary(rates: dict[str, list[float]], counts: list[int], workers: int) -> dict[str, Any]:
    """Medians and speed-ups over one worker; with more than one lane, over one lane."""
    middle = medians(rates)
    ours = {count: middle[f"{count} x 1"] for count in counts}
    physics = {count: middle[f"physics in {count}"] for count in counts}
    lanes = {count: middle[f"{workers} x {count}"] for count in LANES}
    return {
        "rounds": rates,
        "workers": ours,
        "workers_over_one": {count: rate / ours[1] for count, rate in ours.items()},
        "physics": physics,
        "physics_over_one": {count: rate / physics[1] for count, rate in physics.items()},
        "lanes": lanes,
        "lanes_over_one": {count: rate / lanes[1] for count, rate in lanes.items()},
    }


def tables(results: dict[str, dict[str, Any]]) -> str:
    """Two Markdown tables: workers and lanes."""
    workers = table(
        ["task", "workers", "odes_rl", "× one worker", "physics", "× one process"],
        [
            [
                task,
                str(count),
                f"{row['workers'][count]:,.0f}",
                f"{row['workers_over_one'][count]:.2f}",
                f"{row['physics'][count]:,.0f}",
                f"{row['physics_over_one'][count]:.2f}",
            ]
            for task, row in results.items()
            for count in row["workers"]
        ],
    )
    lanes = table(
        ["task", *(f"{count} lane{'s' if count > 1 else ''}" for count in LANES)],
        [
            [task, *(f"{row['lanes'][count]:,.0f} (× {row['lanes_over_one'][count]:.2f})" for count in LANES)]
            for task, row in results.items()
        ],
    )
    return f"{workers}\n\n{lanes}"


def main() -> None:
    """Measure all tasks, print tables, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=["Swimmer-v5", "HalfCheetah-v5"], help="Gymnasium ids")
    parser.add_argument("--workers", type=int, default=available_cores(), help="worker processes at most")
    parser.add_argument("--hidden", type=int, default=16, help="size of the hidden state")
    parser.add_argument("--population", type=int, help="candidates a generation")
    parser.add_argument("--rounds", type=int, help="rounds that medians are taken of")
    parser.add_argument("--max-steps", type=int, help="steps an episode at most")
    parser.add_argument("--seconds", type=float, help="a measurement is repeated for at least that long")
    parser.add_argument("--quick", action="store_true", help="small and short: says that all of it works")
    parser.add_argument("--output", help="JSON file for the figures")
    options = parser.parse_args()
    fill_in(options, QUICK if options.quick else FULL)
    results = {task: measure(task, options) for task in options.tasks}
    print(tables(results))
    write_report(options.output, options, results)


if __name__ == "__main__":
    main()
