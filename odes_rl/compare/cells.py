"""The cells of a comparison: for each task, policy and seed, the config and the directory of a run."""

import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium

from odes_rl.compare.checks import check_entries, learner_name
from odes_rl.compare.config import POLICIES, THRESHOLD, Comparable, Comparing
from odes_rl.config.layering import Kind, Sections, layer_values
from odes_rl.config.naming import file_name
from odes_rl.config.schema import ExperimentConfig, FitConfig
from odes_rl.errors import UserError, suggestion
from odes_rl.rollouts.tasks import find_task


class Cell(NamedTuple):
    """One run of a comparison.

    Attributes:
        task: label of the task or data set.
        learner: label of the policy or supervised model.
        seed: seed of the run.
        path: run directory.
        config: configuration of the run.
        comparing: the kind of comparison.
    """

    task: str
    learner: str
    seed: int
    path: Path
    config: ExperimentConfig | FitConfig
    comparing: Comparing = POLICIES

    def __hash__(self) -> int:
        return hash(self.path)  # an option of a policy may be a mapping, which has no hash

    @property
    def name(self) -> str:
        """The cell's name in messages."""
        return f"{self.task}, {self.learner}, seed {self.seed}"

    @property
    def budget(self) -> int:
        """Length of the run in environment steps or epochs."""
        return getattr(self.config.run, self.comparing.budget)


def make_cells(config: Comparable, overrides: Mapping[str, str]) -> list[Cell]:
    """All cells, each pair's first seed before any second one, so that the first cells are a comparison too.

    `overrides` (dotted option → text) override every entry.

    Raises:
        UserError: any mistake in a section or an override; no such task, policy or model.
    """
    check_entries(config, overrides)
    pairs = [(task, learner) for task in config.places for learner in config.learners_of(task)]
    configs = {pair: _configure(config, *pair, overrides) for pair in pairs}
    for one in configs.values():
        if isinstance(one, ExperimentConfig):
            find_task(one.task.id, one.task.options)
    seeds = {pair: config.seeds_of(*pair) for pair in pairs}
    return [
        Cell(task, learner, seed, path, _with_place(configs[task, learner], seed, path), config.comparing)
        for place in range(max(map(len, seeds.values())))
        for task, learner in pairs
        for seed in seeds[task, learner][place : place + 1]
        for path in [Path(config.directory, file_name(task), file_name(learner), f"seed_{seed}")]
    ]


def chosen_cells(config: Comparable, cells: Iterable[Cell], labels: Collection[str]) -> list[Cell]:
    """The `cells` of the tasks and of the policies among `labels`; of all tasks, or policies, if none is among them.

    Raises:
        UserError: if a label is neither a task's nor a policy's, or no cell is left.
    """
    comparing, entries = config.comparing, [*config.places, *config.learners]
    for label in labels:
        if label not in entries:
            hint = suggestion(label, entries, limit=len(entries))
            raise UserError(f"only has {label!r}, no label of {comparing.places} or {comparing.learners}: {hint}")
    tasks, learners = (own.keys() & labels or own.keys() for own in (config.places, config.learners))
    chosen = [cell for cell in cells if cell.task in tasks and cell.learner in learners]
    if not chosen:
        raise UserError(f"only is {' '.join(labels)}, but the file has no runs of these {comparing.learners} there")
    return chosen


def thresholds(config: Comparable, cells: Iterable[Cell]) -> dict[str, float | None]:
    """Label of each task → threshold: that of the entry, else Gymnasium's of the task of its `cells`, else None.

    Raises:
        UserError: if a threshold is no number.
    """
    tasks = {cell.task: cell.config.task.id for cell in cells if isinstance(cell.config, ExperimentConfig)}
    return {label: _threshold(config, label, tasks.get(label)) for label in config.places}


def _threshold(config: Comparable, label: str, task: str | None) -> float | None:
    entry = config.places[label] or {}
    if THRESHOLD not in entry:
        spec = gymnasium.registry.get(task.rpartition(":")[2]) if task else None
        return spec.reward_threshold if spec else None
    value = entry[THRESHOLD]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{config.comparing.places}.{label}.threshold is {value!r}, but must be a number, and finite")
    return float(value)


def _with_place(config: Any, seed: int, path: Path) -> Any:
    return config.model_copy(update={"run": config.run.model_copy(update={"seed": seed, "directory": str(path)})})


def _configure(config: Comparable, task: str, label: str, overrides: Mapping[str, str]) -> ExperimentConfig | FitConfig:
    comparing, kind = config.comparing, config.comparing.run
    name = learner_name(config, label)
    known = kind.family(name).model_fields
    entry = config.places[task] or {}
    shared = _merge(kind, config.base, entry)
    shared[kind.named] = {option: value for option, value in shared[kind.named].items() if option in known}
    merged = _merge(kind, shared, config.learners[label] or {}, (entry.get(comparing.learners) or {}).get(label) or {})
    merged[kind.named]["name"] = name
    section, _, option = kind.place.partition(".")
    merged[section].setdefault(option, task)
    merged["run"][comparing.budget] = config.budget_of(task)
    if comparing is POLICIES:
        merged["run"]["generations"] = None
    named = f"{kind.named}."
    changes = {
        k: v
        for k, v in overrides.items()
        if not k.startswith(named) or k.removeprefix(named).partition(".")[0] in known
    }
    try:
        return layer_values(merged, changes, default_directory=config.directory, kind=kind)
    except UserError as error:
        raise UserError(f"{task}, {label}: {error}") from None


def _merge(kind: Kind, *entries: Mapping[str, Any]) -> Sections:
    merged: Sections = {section: {} for section in kind.sections}
    for entry in entries:
        for section in kind.sections:
            merged[section] |= entry.get(section) or {}
    return merged
