"""All that a GPU or TPU is asked once: one command, at most 20 minutes, no network; what was measured is never lost.

    .venv/bin/python scripts/benchmarks/device.py --output device.json
    .venv/bin/python scripts/benchmarks/device.py --report device.json       # the tables of what there is
    .venv/bin/python scripts/benchmarks/device.py --cpu --quick              # small: says that all of it works

Stages follow one another in order of value: whether JAX sees the device, and the bandwidth of a copy; one step of MJX
beside the environment's own, and weights beside the CPU's; environment steps a second of `mjx` by candidates, beside
`processes` on all cores; bits from run to run; `ask`, `materialise`, `tell`; `inference: device`; trainings. Each has a
share of --minutes, and the next ones get what it leaves. A stage runs in a process of its own. A cell that fails, dies,
hangs or does not fit into the memory is recorded as such, and the next one goes on. --output is whole at any time.

Where there are cores for it, several processes compile at once, before the throughput: on a GPU they choose kernels
while others run. --compilers 1 leaves that out.

What must be there beyond jax with its own packages, in MB of wheels (Linux x86-64, Python 3.11; `pip download` of
constraints.txt's versions):

    pip install -c constraints.txt .               71   26 packages; llvmlite 60, numba 4, gymnasium 0.5
    pip install -c constraints.txt ".[mjx]"        46   12 more; mujoco 26, mujoco-mjx 7, pillow 7
    pip install -c constraints.txt ".[dm-control]" 69   17 more, for humanoid-stand alone; dm_control 56, lxml 5

Without the last one, the cells of humanoid-stand fail, and nothing else does.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from measuring import say, write_report
from on_device.driving import Child, StageRun
from on_device.plan import FULL, QUICK, Cell, Stage, allotted, stages
from on_device.sheet import sheet

from odes_rl.rollouts.choosing import available_cores

_CHILD = Path(__file__).with_name("device_stage.py")
_MOST_COMPILERS = 4
_CORES_EACH = 4
"""Of a process that compiles, or fewer at once are faster."""
_LAST_SECONDS = 5.0
"""Of all the time, for the tables."""


def launch(stage: Stage, cell: Cell, *, on_cpu: bool) -> Child:
    """A process for cells of `stage`, of which `cell` is the first."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    if on_cpu:
        environment["JAX_PLATFORMS"] = "cpu"
    if stage.at_once > 1:  # or the first one would take the memory of all
        environment["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    environment["XLA_FLAGS"] = f"{environment.get('XLA_FLAGS', '')} {cell.get('flags', '')}".strip()
    return Child([sys.executable, str(_CHILD), stage.name], environment)


def measure(planned: Sequence[Stage], options: argparse.Namespace, results: dict[str, dict[str, Any]]) -> None:
    """Run the stages, and write `results` down as they come.

    Raises:
        SystemExit: if JAX has no accelerator where one is asked for.
    """
    until = time.monotonic() + 60 * options.minutes - _LAST_SECONDS
    for number, stage in enumerate(planned):
        seconds = allotted(until - time.monotonic(), [later.share for later in planned[number:]])
        begun = time.monotonic()
        say(f"{stage.name}: {len(stage.cells)} cells in at most {seconds:.0f} s")
        result = results[stage.name] = {"allotted": seconds, "seconds": 0.0, "cells": []}
        StageRun(stage, seconds, partial(launch, on_cpu=options.cpu), partial(_write, options, results, result)).run()
        result["seconds"] = time.monotonic() - begun
        if stage.name == "machine":
            _check(result["cells"][0], options.cpu)
    write_report(options.output, options, results)


def _write(
    options: argparse.Namespace, results: dict[str, Any], result: dict[str, Any], outcomes: list[dict[str, Any]]
) -> None:
    result["cells"] = outcomes
    write_report(options.output, options, results)


def _check(machine: dict[str, Any], on_cpu: bool) -> None:
    platform = machine["figures"].get("platform")
    if platform is None:
        sys.exit(f"JAX finds no device: {machine['failed']}")
    if platform == "cpu" and not on_cpu:
        sys.exit('JAX sees no accelerator: install "jax[cuda12]" or "jax[tpu]", or measure the CPU with --cpu')


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0, help="for all of it")
    parser.add_argument("--stages", nargs="+", help="only these, and `machine`")
    for name in ("tasks", "trainings"):
        parser.add_argument(f"--{name}", nargs="+", help="tasks to step; to train")
    for name in ("candidates", "hidden", "populations"):
        parser.add_argument(f"--{name}", type=int, nargs="+", help="sizes, those of most value first")
    for name in ("training_candidates", "parity_steps", "max_steps", "episode_steps", "rounds"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int)
    parser.add_argument("--seconds", type=float, help="a rate is measured for at least that long")
    parser.add_argument("--compilers", type=int, help="processes that compile at once; default: one for four cores")
    parser.add_argument("--cpu", action="store_true", help="on JAX's CPU")
    parser.add_argument("--quick", action="store_true", help="small and short: says that all of it works")
    parser.add_argument("--output", default="device.json", help="JSON file for the figures, as they come")
    parser.add_argument("--report", metavar="FILE", help="print the tables of an earlier --output, and measure nothing")
    return parser.parse_args(arguments)


def planned_stages(options: argparse.Namespace) -> list[Stage]:
    """The stages that the options ask for."""
    given = {name: value for name, value in vars(options).items() if value is not None}
    cores = available_cores()
    compilers = options.compilers or max(1, min(_MOST_COMPILERS, cores // _CORES_EACH))
    sizes = QUICK if options.quick else FULL
    found = stages({name: given.get(name, value) for name, value in sizes.items()}, cores, compilers)
    wanted = ["machine", *(options.stages or [stage.name for stage in found])]
    return [stage for stage in found if stage.name in wanted]


def main() -> None:
    """Measure, print the tables, write JSON."""
    options = parse()
    if options.report:
        print(sheet(json.loads(Path(options.report).read_text(encoding="utf-8"))["results"]))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    results: dict[str, dict[str, Any]] = {}
    try:
        measure(planned_stages(options), options, results)
    finally:
        print(sheet(results))


if __name__ == "__main__":
    main()
