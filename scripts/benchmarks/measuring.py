"""What the benchmarks share: contestants measured in turn, a table, a JSON file that names its machine."""

import json
import os
import platform
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from odes_rl.rollouts.choosing import available_cores
from odes_rl.rollouts.machine import processor

_BEGUN = time.perf_counter()
Contestant = Callable[[], float]
"""One measurement, in environment steps a second."""
PACKAGES = ("jax", "numpy", "numba", "mujoco", "gymnasium", "dm_control", "envpool", "ray")
PEER_PACKAGES = ("torch", "sb3-contrib", "evotorch", "evosax")


def in_turn(contestants: Mapping[str, Contestant], rounds: int, title: str) -> dict[str, list[float]]:
    """Rates of all contestants in `rounds` rounds; in each they follow one another, so that drift meets all alike.

    A first round, which does not count, warms them up.
    """
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, contestant in contestants.items():
            rate = contestant()
            say(f"{title}: {f'round {turn} of {rounds}' if turn else 'warm-up'}: {name} {rate:,.0f}")
            if turn:
                rates[name].append(rate)
    return rates


def medians(rates: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each contestant's rates."""
    return {name: statistics.median(values) for name, values in rates.items()}


def missing(modules: Iterable[str]) -> list[str]:
    """Those of `modules` that are not installed."""
    return [module for module in modules if find_spec(module) is None]


def say(text: str) -> None:
    """Report progress on standard error, with the seconds since the benchmark began."""
    print(f"[{time.perf_counter() - _BEGUN:5.0f} s] {text}", file=sys.stderr, flush=True)


def fill_in(options: Namespace, defaults: Mapping[str, Any]) -> Namespace:
    """`options` with the `defaults` of those that were not given."""
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_report(path: str | None, options: Any, results: Mapping[str, Any]) -> None:
    """Write machine, versions, options and results to the JSON file `path`, if there is one.

    It is whole at any time: a kill leaves the earlier report.
    """
    if path is None:
        return
    report = {"machine": machine(), "options": vars(options), "results": results}
    beside = Path(f"{path}.partial")
    beside.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "processor": processor(),
        "cores": available_cores(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES + PEER_PACKAGES if (found := _version(name))},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
