"""Seconds until a policy reaches a reward: odes_rl, sb3-contrib's ARS and EvoTorch's PGPE with ClipUp.

Every contestant trains in a process of its own, with two worker processes on the same two cores, in its own published
settings (`published.py` cites them). The judge is the same for all: whenever --every seconds have passed, the
unperturbed policy of the latest finished iteration is evaluated, in the same episodes, by the same code. The goal is
reached when the mean return of an evaluation is that of --thresholds.

The clock starts when a contestant's packages are imported, and stands still during evaluations. Environments, worker
processes and compilation are on it; odes_rl has an empty cache of compiled code, unless --cache names one. In the
table, `set-up` is what the first iteration takes more than the mean of the others. One training follows the other;
from seed to seed, another contestant is the first.

    .venv/bin/python scripts/benchmarks/time_to_reward.py --output time_to_reward.json
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from measuring import missing, say, write_report
from published import CONTESTANTS
from reward_table import Record, reward_table, single
from stopwatch import Training

THRESHOLDS = {"Swimmer-v5": 300.0, "HalfCheetah-v5": 3000.0}
_CHILD = Path(__file__).with_name("timed_training.py")
_GRACE_SECONDS = 30.0


def rotated(names: Sequence[str], turn: int) -> list[str]:
    """`names` with another one first in each turn."""
    start = turn % len(names)
    return [*names[start:], *names[:start]]


def measure(training: Training, report: Callable[[Record], None], kept: str | None = None) -> Record:
    """Run one training in a process of its own; `report` receives its evaluations as they come.

    Compiled code is `kept` in that directory; by default in one that is empty at the start.
    """
    record = {**training._asdict(), "evaluations": [], "outcome": "failed"}
    with tempfile.TemporaryDirectory() as empty, _launch(training, kept or empty) as process:
        assert process.stdout is not None
        try:
            for line in map(json.loads, process.stdout):
                if "outcome" in line:
                    record |= line
                    break
                record["evaluations"].append(line)
                report(line)
            _wait(process)
        finally:
            process.terminate()
            _wait(process)
            process.kill()
    return record


def _wait(process: subprocess.Popen[str]) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)


def _launch(training: Training, cache: str) -> subprocess.Popen[str]:
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    path = os.pathsep.join(path or "." for path in sys.path)
    ours = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    environment = {**ours, **threads, "PYTHONPATH": path, "ODES_RL_CACHE": cache}
    command = [sys.executable, str(_CHILD), json.dumps(training._replace(launched=time.monotonic())._asdict())]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def measure_all(options: argparse.Namespace, notes: list[str]) -> list[Record]:
    """All trainings, one after the other, written down as they go."""
    records: list[Record] = []
    for turn, seed in enumerate(options.seeds):
        for task, goal in zip(options.tasks, options.thresholds, strict=True):
            for name in rotated(_able(options.contestants, task, notes), turn):
                title = f"{task}, seed {seed}, {name}"
                training = _training(options, name, task, seed, goal)
                record = measure(training, lambda line, title=title: _say_line(title, line), options.cache)
                say(f"{title}: {record['outcome']}, {single(record)}")
                records.append(record)
                write_report(options.output, options, {"trainings": records, "notes": notes})
    return records


def _training(options: argparse.Namespace, name: str, task: str, seed: int, goal: float) -> Training:
    limits = (goal, options.seconds, options.every, options.episodes)
    return Training(name, task, options.max_steps, seed, options.workers, *limits, launched=0.0)


def _say_line(title: str, line: Mapping[str, Any]) -> None:
    say(f"{title}: {line['mean']:.1f} after {line['seconds']:.1f} s, {line['steps']:,} steps")


def _able(names: Sequence[str], task: str, notes: list[str]) -> list[str]:
    """Those of the contestants that can train here; `notes` say of the others why not."""
    able = []
    for name in names:
        contestant = CONTESTANTS[name]
        lacking = missing(contestant.needs)
        reason = f"{', '.join(lacking)} not installed" if lacking else ""
        if not lacking and contestant.tasks is not None and task not in contestant.tasks:
            reason = f"no published settings for {task}"
        if not reason:
            able.append(name)
        elif (note := f"{name} left out: {reason}") not in notes:
            notes.append(note)
    return able


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(THRESHOLDS), help="Gymnasium ids")
    parser.add_argument("--thresholds", nargs="+", type=float, help="mean return to reach, one for each task")
    parser.add_argument("--contestants", nargs="+", choices=list(CONTESTANTS), default=list(CONTESTANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of the trainings")
    parser.add_argument("--seconds", type=float, default=1800.0, help="limit of each training, on its clock")
    parser.add_argument("--every", type=float, default=1.0, help="seconds on the clock between evaluations")
    parser.add_argument("--episodes", type=int, default=5, help="of an evaluation")
    parser.add_argument("--workers", type=int, default=2, help="worker processes, and cores")
    parser.add_argument("--max-steps", type=int, help="steps an episode at most")
    parser.add_argument(
        "--cache", help="directory of compiled code for odes_rl; each training has an empty one otherwise"
    )
    parser.add_argument("--output", help="JSON file for the figures; kept as they come")
    options = parser.parse_args(arguments)
    if options.thresholds is None:
        unknown = [task for task in options.tasks if task not in THRESHOLDS]
        if unknown:
            parser.error(f"--tasks has {', '.join(unknown)}: give --thresholds, one for each task")
        options.thresholds = [THRESHOLDS[task] for task in options.tasks]
    if len(options.thresholds) != len(options.tasks):
        parser.error(f"{len(options.thresholds)} --thresholds for {len(options.tasks)} --tasks: give one for each task")
    return options


def main() -> None:
    """Measure, print the table, write JSON."""
    options, notes = parse(), []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # or a training would outlive this process
    print(reward_table(measure_all(options, notes)))
    for note in notes:
        print(f"\n- {note}")


if __name__ == "__main__":
    main()
