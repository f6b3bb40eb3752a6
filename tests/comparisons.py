"""Comparisons for tests: tiny ones that train, and recorded ones that were never trained."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from odes_rl.reports.comparison import Comparison, Place

TINY: dict[str, Any] = {
    "env_steps": 3000,
    "seeds": 1,
    "base": {
        "task": {"max_steps": 30},
        "policy": {"hidden": 4, "steps": 3},
        "strategy": {"population": 4},
        "run": {"evaluate_every": 10, "evaluation_episodes": 2, "checkpoint_every": 2},
    },
    "tasks": {"Hopper-v5": None},
    "policies": {"autonomous": None, "linear": None},
}
"""Two cells of some forty generations, which take seconds."""


def write_comparison(path: Path, **changes: Any) -> Path:
    """TINY with some of its own options changed, as a file at `path`."""
    path.write_text(yaml.safe_dump(TINY | changes, sort_keys=False))
    return path


def record(
    directory: Path,
    curves: Mapping[tuple[str, str], Sequence[Sequence[float]]],
    *,
    env_steps: int = 1000,
    thresholds: Mapping[str, float | None] | None = None,
    failures: Mapping[tuple[str, str, int], str] | None = None,
) -> Comparison:
    """A comparison as if it had run: task and policy → for each seed its evaluations, one each hundred steps."""
    places = {}
    for (task, policy), seeds in curves.items():
        for seed, returns in enumerate(seeds):
            path = directory / task / policy / f"seed_{seed}"
            path.mkdir(parents=True)
            config = {"task": {"id": task}, "policy": {"name": policy}, "run": {"seed": seed, "env_steps": env_steps}}
            (path / "config.yaml").write_text(yaml.safe_dump(config))
            lines = [_line(index, value) for index, value in enumerate(returns)]
            (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
            (path / "cell.json").write_text(json.dumps({"parameters": 10 * len(policy)}))
            places[task, policy, seed] = Place(task, policy, seed, path)
    tasks = list(dict.fromkeys(task for task, _ in curves))
    policies = tuple(dict.fromkeys(policy for _, policy in curves))
    return Comparison(
        budgets=dict.fromkeys(tasks, env_steps),
        thresholds=thresholds or dict.fromkeys(tasks),
        learners=policies,
        baseline=policies[-1],
        places=tuple(places.values()),
        failures={places[key]: reason for key, reason in (failures or {}).items()},
    )


def _line(index: int, value: float) -> dict[str, Any]:
    return {
        "generation": index,
        "env_steps": 100 * index,
        "wall_seconds": 0.5 * index,
        "evaluation_return_mean": value,
        **({"env_steps_per_second": 200.0 + index} if index else {}),
    }
