"""Storms over a training run: what must not break it is done to it, and the outcome compared with a calm run's.

Workers are killed and stopped, the environment raises and answers NaN, the disk is filled, checkpoints are cut, the
trainer is killed, all in one run; then the same over the native stepping of a MuJoCo task, and a long run whose memory
must not grow. Prints a table; exit status 1 if anything failed. A quarter to half an hour on two
cores, some minutes with --quick.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from storms.checkpoints import truncate_checkpoints
from storms.disk import fill_disk, small_disk
from storms.environments import nan_at_random, raise_inside
from storms.flatness import flat_memory
from storms.outcome import compare, leftovers, shared_memory
from storms.processes import kill_trainer, kill_workers, stop_worker
from storms.site import Site, StormError, share_with_trainers

_HOPPER = {
    "policy": {"hidden": 6, "steps": 4},
    "strategy": {"population": 16},
    "rollouts": {"backend": "processes", "workers": 2, "lanes": 2, "deadline": 10.0},
    "run": {"directory": "run", "evaluate_every": 4, "evaluation_episodes": 2, "checkpoint_every": 3},
}
STORMY = {**_HOPPER, "task": {"id": "stormy_hopper:StormyHopper-v0", "max_steps": 60}}
NATIVE = {**_HOPPER, "task": {"id": "HalfCheetah-v5"}, "strategy": {"population": 24}}
TINY = {**_HOPPER, "task": {"id": "Hopper-v5", "max_steps": 20}, "strategy": {"population": 4}}
_SLEEP = 0.002
"""Seconds that a step of the stormy run takes longer than the calm run's."""


class Times(NamedTuple):
    """How often each storm blows."""

    kills: int = 100
    stops: int = 3
    raises: int = 3
    disks: int = 3
    cuts: int = 50
    trainers: int = 20
    native_kills: int = 20
    generations: tuple[int, int] = (50, 500)


QUICK = Times(kills=8, stops=1, raises=1, disks=1, cuts=3, trainers=2, native_kills=3, generations=(20, 100))


class Row(NamedTuple):
    """A line of the table."""

    fault: str
    times: int
    outcome: str
    holds: bool


class Report:
    """Runs storms one by one, and gathers what became of each."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def run(self, fault: str, times: int, storm: Callable[[], str]) -> bool:
        """Whether `storm` came through; its outcome becomes a row."""
        print(f"{fault} ({times}) …", flush=True)
        started = time.monotonic()
        try:
            outcome, holds = storm(), True
        except StormError as error:
            outcome, holds = f"FAILED: {error}", False
        self.rows.append(Row(fault, times, outcome, holds))
        print(f"    {outcome} ({time.monotonic() - started:.0f} s)", flush=True)
        return holds

    def table(self) -> str:
        """All rows, as Markdown."""
        lines = [f"| {row.fault} | {row.times} | {' '.join(row.outcome.split())} |" for row in self.rows]
        return "\n".join(["| fault | times | outcome |", "| --- | --- | --- |", *lines])


@contextmanager
def site_of(folder: Path, name: str, config: dict, sleep: float = 0.0) -> Iterator[Site]:
    site = Site(folder, name, config, sleep=sleep)
    try:
        yield site
    finally:
        site.close()


def storm_over_one_run(folder: Path, times: Times, chance: random.Random, report: Report) -> None:
    """All faults over one run of the stormy Hopper."""
    before = shared_memory()
    with ExitStack() as stack:
        site = stack.enter_context(site_of(folder, "stormy", STORMY, _SLEEP))
        mounted = stack.enter_context(small_disk(site.run.parent))
        stack.callback(site.close)  # before the disk goes
        site.start()
        site.advance()
        storms = [
            ("worker killed (SIGKILL)", times.kills, lambda n: kill_workers(site, n, chance)),
            ("worker stopped (SIGSTOP)", times.stops, lambda n: stop_worker(site, n, chance)),
            ("environment raises", times.raises, lambda n: raise_inside(site, n, chance)),
            ("disk full", times.disks, lambda n: fill_disk(site, n, chance, mounted=mounted)),
            ("trainer killed (SIGKILL)", times.trainers, lambda n: kill_trainer(site, n, chance)),
            ("trainer interrupted (SIGTERM)", 1, lambda n: _interrupt(site)),
            ("newest checkpoint cut", times.cuts, lambda n: truncate_checkpoints(site, n, chance)),
        ]
        came_through = all(report.run(fault, n, lambda s=storm, n=n: s(n)) for fault, n, storm in storms)
        if came_through:
            _judge(site, STORMY, folder, report, before)


def storm_over_native(folder: Path, times: Times, chance: random.Random, report: Report) -> None:
    """Kills and a hang over HalfCheetah-v5, whose whole episodes are one compiled call where that is possible."""
    before = shared_memory()
    with site_of(folder, "native", NATIVE) as site:
        site.start()
        site.advance()
        kills = times.native_kills
        came_through = (
            report.run("native stepping: worker killed", kills, lambda: kill_workers(site, kills, chance))
            and report.run("native stepping: worker stopped", 1, lambda: stop_worker(site, 1, chance))
            and report.run("native stepping: trainer interrupted", 1, lambda: _interrupt(site))
        )
        if came_through:
            _judge(site, NATIVE, folder, report, before)


def storm_of_generations(folder: Path, times: Times, report: Report) -> None:
    first, last = times.generations
    with site_of(folder, "tiny", TINY) as site:
        report.run("generations: memory flat", last, lambda: flat_memory(site, first, last))


def _interrupt(site: Site) -> str:
    site.stop()
    return "wrote a checkpoint and said how to go on"


def _judge(site: Site, config: dict, folder: Path, report: Report, shared_before: set[str]) -> None:
    """Finish the run, train a calm one as far, and compare."""
    last = site.generation() + 2

    def same_bits() -> str:
        site.start("--rollouts.backend", "processes", generations=last)
        site.ended(0, seconds=300)
        with site_of(folder, f"{site.run.parent.name}-calm", config) as calm:
            calm.start("--rollouts.backend", "serial", generations=last)
            calm.ended(0, seconds=3000)
            return compare(site, calm)

    if report.run("all of these together, against a calm run", 1, same_bits):
        if config is STORMY:
            count, outcome = nan_at_random(site)
            report.run("NaN observations and rewards, in both", count, lambda: outcome)
        report.run("left behind", 0, lambda: leftovers(site, shared_before))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few of each fault")
    parser.add_argument("--seed", type=int, default=0, help="of what is random about the faults")
    options = parser.parse_args()
    times, chance, report = QUICK if options.quick else Times(), random.Random(options.seed), Report()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # or the small disk stays mounted, and a trainer runs on
    with tempfile.TemporaryDirectory(prefix="storms-") as name:
        folder = Path(name)
        share_with_trainers(folder)
        storm_over_one_run(folder, times, chance, report)
        storm_over_native(folder, times, chance, report)
        storm_of_generations(folder, times, report)
    print(f"\n{report.table()}")
    return 0 if all(row.holds for row in report.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
