"""Environment steps a second: ours with every backend, the physics alone, a bare Gymnasium loop, and the peers.

The episodes of one generation of ODEtoODE candidates are recorded first. Ours runs that generation again and again,
whole: candidates, rollouts, update, metrics written down, and a checkpoint's time spread over the generations between
two. `physics` replays the episodes through MuJoCo's steps alone, `bare loop` through reset and step, one process a
core. The peers, with linear policies, run whole iterations of the same task with as many candidates and cores. All
are measured in turn, after a round to warm up; figures are medians of the rounds.

    .venv/bin/python scripts/benchmarks/throughput.py --output throughput.json
    .venv/bin/python scripts/benchmarks/throughput.py --outside
    .venv/bin/python scripts/benchmarks/throughput.py --stepping
    .venv/bin/python scripts/benchmarks/throughput.py --quick
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

os.environ.setdefault("MUJOCO_GL", "disable")

from measuring import Contestant, fill_in, in_turn, medians, missing, write_report
from peers import PEERS, SETTINGS, Race, contestants
from recording import steps_of
from replay import replayers

from odes_rl.rollouts.choosing import available_cores

TASKS = (
    "Swimmer-v5",
    "HalfCheetah-v5",
    "Hopper-v5",
    "Humanoid-v5",
    "dm_control/cheetah-run-v0",
    "dm_control/swimmer-swimmer15-v0",
    "dm_control/humanoid-stand-v0",
)
QUICK = {"population": 8, "rounds": 1, "max_steps": 25, "seconds": 0.1, "fastest": True}
FULL = {"population": 64, "rounds": 5, "max_steps": None, "seconds": 1.0, "fastest": False}
OUTSIDE = {"population": 200, "rounds": 3}
STEPPING = {"population": 8}


def measure(task: str, options: argparse.Namespace) -> dict[str, Any]:
    """All figures of one task."""
    from act_cost import act_seconds
    from ours import Setting, Trainer
    from variants import open_variants

    cores = available_cores()
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        peers, notes = _peers(task, cores, options, stack)  # first: they start while ours compiles
        hidden = options.hidden or (64 if "Humanoid-" in task else 16)
        trainer = Trainer(Setting(task, options.max_steps, hidden, options.population), directory)
        episodes = trainer.record_episodes()
        replays = replayers(task, options.max_steps, episodes, cores, options.seconds)
        rounds: dict[str, Contestant] = dict(stack.enter_context(replays))
        ours, left_out = open_variants(options.backends, trainer, cores, stack)
        rounds |= {name: partial(generations.rate, options.seconds) for name, generations in ours.items()}
        rates = in_turn(rounds | peers, options.rounds, task)
        act = act_seconds(trainer.experiment, trainer.state.strategy.params)
    lengths = sorted(len(episode.actions) for episode in episodes)
    notes += left_out + [_other_episodes(name, ours[name]) for name in ours if ours[name].lengths() != lengths]
    shares = {name: statistics.median(generations.outside[1:]) for name, generations in ours.items()}
    return {"steps": steps_of(episodes), "notes": notes, **summary(rates, shares, list(peers), act)}


def _options_of(task: str, options: argparse.Namespace) -> argparse.Namespace:
    """`--quick` measures the peers, which take long to start, on the first task alone."""
    if not options.quick or task == options.tasks[0]:
        return options
    return argparse.Namespace(**vars(options) | {"peers": []})


def _peers(
    task: str, cores: int, options: argparse.Namespace, stack: ExitStack
) -> tuple[dict[str, Contestant], list[str]]:
    lacking = {name: missing(PEERS[name].needs) for name in options.peers}
    notes = [f"{name} left out: {', '.join(modules)} not installed" for name, modules in lacking.items() if modules]
    race = Race(task, options.max_steps, options.population, cores, options.seconds)
    names = [name for name in options.peers if not lacking[name]]
    return stack.enter_context(contestants(names, race, [""] if options.fastest else list(SETTINGS))), notes


def _other_episodes(name: str, generations: Any) -> str:
    return f"{name} ran episodes of its own, {sum(generations.lengths()):,} steps together"


def summary(rates: dict[str, list[float]], outside: dict[str, float], peers: list[str], act: float) -> dict[str, Any]:
    """The figures of a task: medians, and ratios of our best backend.

    Args:
        rates: contestant → steps a second in each round.
        outside: our backends → share of a generation outside rollouts.
        peers: names among the contestants.
        act: seconds that acting takes in a step.
    """
    middle = medians(rates)
    best = max(outside, key=lambda name: middle[name])
    fastest = max((middle[name] for name in peers), default=None)
    return {
        "rates": middle,
        "rounds": rates,
        "best": best,
        "best_over": {name: middle[best] / rate for name, rate in middle.items()},
        "physics_over_fastest_peer": fastest and middle["physics"] / fastest,
        "outside": outside[best],
        "rollouts_over_physics": middle[best] / (1 - outside[best]) / middle["physics"],
        "act_microseconds": 1e6 * act,
        "act_share": act * middle[best] / available_cores(),
    }


def main() -> None:
    """Measure all tasks, print tables, write JSON."""
    options = _options()
    if options.outside:
        from outside import measure_outside, outside_table

        results = measure_outside(options)
        print(outside_table(results))
    else:
        results = {}
        measure_task, tables = _measurement(options)
        for task in options.tasks:
            results[task] = measure_task(task, options)
            write_report(options.output, options, results)  # after each: all of them take hours
        print(tables(results))
    write_report(options.output, options, results)


def _measurement(options: argparse.Namespace) -> tuple[Callable[[str, Any], dict[str, Any]], Callable[[Any], str]]:
    """What measures a task, and what makes tables of all results."""
    if options.stepping:
        from stepping import measure_stepping, stepping_table

        return measure_stepping, stepping_table
    from tables import tables

    return lambda task, options: measure(task, _options_of(task, options)), tables


def _options() -> argparse.Namespace:
    from variants import variants

    backends = [variant.name for variant in variants()]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", help="Gymnasium ids")
    parser.add_argument("--backends", nargs="+", choices=backends, default=backends, help="ours to measure")
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS), help="peers to measure")
    parser.add_argument("--fastest", action=argparse.BooleanOptionalAction, help="peers in their fastest setting alone")
    parser.add_argument("--population", type=int, help="candidates a generation")
    parser.add_argument("--hidden", type=int, help="size of the hidden state; 64 for Humanoid, else 16")
    parser.add_argument("--rounds", type=int, help="rounds that medians are taken of")
    parser.add_argument("--max-steps", type=int, help="steps an episode at most")
    parser.add_argument("--seconds", type=float, help="a measurement is repeated for at least that long")
    parser.add_argument("--outside", action="store_true", help="only the share outside rollouts, on Humanoid-v5")
    parser.add_argument("--stepping", action="store_true", help="only native stepping, in one process, by CPU time")
    parser.add_argument("--quick", action="store_true", help="small and short: says that all of it works")
    parser.add_argument("--output", help="JSON file for the figures")
    options = parser.parse_args()
    return fill_in(options, _defaults(options))


def _defaults(options: argparse.Namespace) -> dict[str, Any]:
    tasks = ("HalfCheetah-v5", "dm_control/cheetah-run-v0") if options.quick else TASKS
    if options.stepping:
        from stepping import TASKS as STEPPED

        tasks = ("Reacher-v5", "dm_control/pendulum-swingup-v0") if options.quick else STEPPED
    more = (OUTSIDE if options.outside else {}) | (STEPPING if options.stepping else {})
    sizes = QUICK if options.quick else FULL | more
    return {"tasks": tasks, **sizes}


if __name__ == "__main__":
    main()
