"""Puts trained policies into the package: of each policy on each task, the run with the best evaluation.

    .venv/bin/python scripts/pretrain.py RUNS ... [--policies ode_to_ode linear] [--episodes 100]

RUNS are directories of runs and of comparisons. The evaluations of training choose the run and its checkpoint; episodes
that no run has met judge it, and their returns go into the file, as its card.
"""

import argparse
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jax
import numpy as np

from odes_rl.errors import UserError
from odes_rl.policies.counting import parameter_count
from odes_rl.pretrained.archive import Card, Learnt, recorded_config, write_pretrained
from odes_rl.pretrained.names import POLICIES
from odes_rl.reports.finding import find_runs
from odes_rl.rollouts.protocol import Moments
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.evaluate import evaluate_restored
from odes_rl.training.restoring import Restored, check_trained, restore_run

PACKAGES = ("odes-rl", "jax", "numpy", "gymnasium", "mujoco", "dm_control")
"""Those that a policy's returns may depend on."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, and print a line about each; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUNS")
    parser.add_argument("--policies", nargs="+", default=["ode_to_ode", "linear"], help="names of the policies to keep")
    parser.add_argument("--episodes", type=int, default=100, help="that judge a policy")
    parser.add_argument("--output", type=Path, default=POLICIES, help="directory of the files")
    given = parser.parse_args(arguments)
    try:
        for runs in groups(given.runs, given.policies).values():
            print(keep(runs, given.episodes, given.output), flush=True)
    except UserError as error:
        print(f"pretrain: {error}", file=sys.stderr)
        return 2
    return 0


def groups(paths: Sequence[str], policies: Sequence[str]) -> dict[tuple[str, str], list[RunDirectory]]:
    """Task and policy → the runs at `paths`, of those `policies`.

    Raises:
        UserError: if there is none, or one began with the policy of another run, whose steps its own do not count.
    """
    found: dict[tuple[str, str], list[RunDirectory]] = {}
    for path, _ in find_runs(paths):
        run = RunDirectory.open(path)
        if run.config.policy.name not in policies:
            continue
        if run.config.run.initial is not None:
            raise UserError(f"{str(path)!r} began with the policy of {run.config.run.initial!r}: leave it out")
        found.setdefault((run.config.task.id, run.config.policy.name), []).append(run)
    if not found:
        raise UserError(f"no run is of a policy {' or '.join(policies)}: name others with --policies")
    return found


def keep(runs: Sequence[RunDirectory], episodes: int, directory: Path) -> str:
    """Write the policy of the run with the best evaluation to its file below `directory`; a line about it.

    Raises:
        UserError: if no run has been evaluated, or the best policy fails in one of the `episodes`.
    """
    best = max(runs, key=best_score)
    check_trained(best)
    restored = restore_run(best)
    returns = evaluate_restored(restored, episodes).returns[0]
    if np.isnan(returns).any():
        raise UserError(f"the policy of {str(best.path)!r} failed in {np.isnan(returns).sum()} of {episodes} episodes")
    learnt = Learnt(restored.state.strategy.params, Moments(*jax.device_get(restored.state.moments)))
    path = write_pretrained(card(best, restored, len(runs)), learnt, returns, directory)
    told = f"{returns.mean():.2f} ± {returns.std():.2f} in {episodes} episodes"
    return f"{path}: seed {best.config.run.seed}, best of {len(runs)}; {told}; {path.stat().st_size:,} bytes"


def best_score(run: RunDirectory) -> float:
    """The score of the run's best evaluation; minus infinity if there is none."""
    scores = [line["evaluation_score"] for line in run.metrics() if line.get("evaluation_score") is not None]
    return max(scores, default=-np.inf)


def card(run: RunDirectory, restored: Restored, runs: int) -> Card:
    """The card of the policy `restored` from `run`, the best of so many `runs`."""
    config, generation = run.config, int(restored.state.strategy.generation)
    (line,) = (line for line in run.metrics() if line["generation"] == generation)
    return Card(
        task=config.task.id,
        policy=config.policy.name,
        parameters=parameter_count(restored.experiment.policy),
        seed=config.run.seed,
        runs=runs,
        generation=generation,
        env_steps=line["env_steps"],
        evaluation=line["evaluation_score"],
        versions=versions(),
        config=recorded_config(config),
    )


def versions() -> dict[str, str]:
    """Package → its version here, of those that are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
