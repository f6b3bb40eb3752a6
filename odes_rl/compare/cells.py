"""The cells of a comparison: for each task, policy and seed, the config of a run and the place for it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium

from odes_rl.compare.checks import POLICIES, THRESHOLD, check_entries, file_name, policy_name
from odes_rl.compare.config import CompareConfig
from odes_rl.errors import UserError
from odes_rl.policies import policy_config_class
from odes_rl.records.config import ExperimentConfig
from odes_rl.records.layers import SECTIONS, Sections, layer_values
from odes_rl.rollouts.environments import check_task


class Cell(NamedTuple):
    """One run of a comparison: labels of its task and policy, seed, run directory and the config to run there."""

    task: str
    policy: str
    seed: int
    path: Path
    config: ExperimentConfig

    @property
    def name(self) -> str:
        """The cell in words."""
        return f"{self.task}, {self.policy}, seed {self.seed}"


def make_cells(config: CompareConfig, overrides: Mapping[str, str]) -> list[Cell]:
    """All cells, a seed's before the next seed's, so that a part of them is a comparison too.

    `overrides` (dotted option → text) come last, over every entry.

    Raises:
        UserError: any mistake in a section or an override; no such task or policy.
    """
    check_entries(config, overrides)
    pairs = [(task, policy) for task in config.tasks for policy in config.policies]
    configs = {pair: _configure(config, *pair, overrides) for pair in pairs}
    for experiment in {experiment.task.id: experiment for experiment in configs.values()}.values():
        check_task(experiment.task.id)
    return [
        Cell(task, policy, seed, path, _with_place(configs[task, policy], seed, path))
        for seed in config.seed_list
        for task, policy in pairs
        for path in [Path(config.directory, file_name(task), file_name(policy), f"seed_{seed}")]
    ]


def thresholds(config: CompareConfig) -> dict[str, float | None]:
    """Label of each task → the return worth reaching on it: the entry's own, else Gymnasium's, None without either.

    Raises:
        UserError: if a threshold is no number.
    """
    return {label: _threshold(label, entry or {}) for label, entry in config.tasks.items()}


def _threshold(label: str, entry: Mapping[str, Any]) -> float | None:
    if THRESHOLD not in entry:
        task = str((entry.get("task") or {}).get("id", label))
        spec = gymnasium.registry.get(task.rpartition(":")[2])
        return spec.reward_threshold if spec else None
    value = entry[THRESHOLD]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"tasks.{label}.threshold is {value!r}, but must be a number")
    return float(value)


def _with_place(config: ExperimentConfig, seed: int, path: Path) -> ExperimentConfig:
    return config.model_copy(update={"run": config.run.model_copy(update={"seed": seed, "directory": str(path)})})


def _configure(config: CompareConfig, task: str, label: str, overrides: Mapping[str, str]) -> ExperimentConfig:
    name = policy_name(config, label)
    known = policy_config_class(name).model_fields
    shared = _merge(config.base, config.tasks[task] or {})
    shared["policy"] = {option: value for option, value in shared["policy"].items() if option in known}
    own = ((config.tasks[task] or {}).get(POLICIES) or {}).get(label) or {}
    merged = _merge(shared, config.policies[label] or {}, own)
    merged["policy"]["name"] = name
    merged["task"].setdefault("id", task)
    merged["run"] |= {"env_steps": config.env_steps, "generations": None}
    changes = {k: v for k, v in overrides.items() if not k.startswith("policy.") or k.partition(".")[2] in known}
    try:
        return layer_values(merged, changes, default_directory=config.directory)
    except UserError as error:
        raise UserError(f"{task}, {label}: {error}") from None


def _merge(*entries: Mapping[str, Any]) -> Sections:
    merged: Sections = {section: {} for section in SECTIONS}
    for entry in entries:
        for section in SECTIONS:
            merged[section] |= entry.get(section) or {}
    return merged
