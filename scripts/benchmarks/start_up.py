"""Processor seconds of short commands, the first time and when compiled code is kept from an earlier one.

A one-generation `train` and an `evaluate` of two short episodes, each a process of its own with its workers. In turn:
with an empty cache; again, with what is kept; and again with numba's kernels alone kept, not JAX's programs. Figures
are medians of the rounds, user and system time of all processes together.

    .venv/bin/python scripts/benchmarks/start_up.py --rounds 5
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import say, table, write_report

PROGRAM = [sys.executable, "-m", "odes_rl"]
SHORT = ["--task.max-steps", "100", "--strategy.population", "16", "--run.evaluation-episodes", "2"]
WAYS = {"first": {}, "again": {}, "kernels alone": {"JAX_ENABLE_COMPILATION_CACHE": "false"}}
"""Variables of the environment for each way; the directory is empty at the first."""


def processor_seconds(arguments: list[str], variables: dict[str, str], here: Path) -> float:
    """User and system seconds of the program with these `arguments`, and of its workers."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "NUMBA_"))}
    subprocess.run(
        [*PROGRAM, *arguments], check=True, cwd=here, env={**environment, **variables}, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure_round(task: str, here: Path) -> dict[str, dict[str, float]]:
    """Seconds of each command, in each way."""
    seconds: dict[str, dict[str, float]] = {"train": {}, "evaluate": {}}
    for command, row in seconds.items():
        kept = {"ODES_RL_CACHE": str(here / f"kept-{command}")}
        for number, (way, variables) in enumerate(WAYS.items()):
            arguments = ["evaluate", "train0", "--episodes", "2"]
            if command == "train":
                run = ["--run.generations", "1", "--run.directory", f"train{number}"]
                arguments = ["train", "--task.id", task, *SHORT, *run]
            row[way] = processor_seconds(arguments, kept | variables, here)
    return seconds


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="HalfCheetah-v5")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", help="JSON file for the figures")
    return parser.parse_args()


def main() -> None:
    """Measure, print the table, write JSON."""
    options, rounds = parse(), []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as directory:
            rounds.append(measure_round(options.task, Path(directory)))
        say(f"round {number + 1}: {rounds[-1]}")
    rows = []
    for command in rounds[0]:
        medians = {way: statistics.median(seconds[command][way] for seconds in rounds) for way in WAYS}
        shares = [f"{medians['again'] / medians[way]:.2f}" for way in ("first", "kernels alone")]
        rows.append([command, *(f"{value:.1f}" for value in medians.values()), *shares])
    print(table(["command", *(f"{way}, s" for way in WAYS), "again / first", "again / kernels alone"], rows))
    write_report(options.output, options, {"rounds": rounds})


if __name__ == "__main__":
    main()
