"""The configuration of a comparison: options of all runs, and of each task, policy or model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, Field, model_validator

from odes_rl.config.layering import FITTING, TRAINING, Kind
from odes_rl.config.packaged import find_config
from odes_rl.errors import UserError, suggestion
from odes_rl.reports.measures import ACCURACIES, BOUNDS, RETURNS, Measure
from odes_rl.supervised.models import MODELS as FAMILIES
from odes_rl.validation import STRICT, build_model, check_seeds
from odes_rl.yaml_text import read_yaml

THRESHOLD, SEEDS, ONLY = "threshold", "seeds", "only"
"""Keys that the entry of a task or data set may have beside sections; that of a policy or model may have `seeds`."""
Entries = dict[str, dict[str, Any] | None]
"""Label → sections."""


class Comparing(NamedTuple):
    """The keys of a comparison file.

    Attributes:
        run: the kind of each run.
        budget: the key for the length of each run; the option of the section `run` has the same name.
        places: the key of the tasks or data sets.
        learners: the key of the policies or models.
        measure: the measured quantity.
    """

    run: Kind
    budget: str
    places: str
    learners: str
    measure: Measure


POLICIES = Comparing(TRAINING, "env_steps", "tasks", "policies", RETURNS)
MODELS = Comparing(FITTING, "epochs", "data", "models", ACCURACIES)
VIDEO_MODELS = MODELS._replace(measure=BOUNDS)


class Comparable(BaseModel):
    """Options shared by comparisons of policies and of supervised models."""

    model_config = STRICT
    comparing: ClassVar[Comparing]

    directory: str = Field(min_length=1)
    """Directory of the runs and the report. Default: `runs/compare/<name of the config file>`."""
    seeds: int | tuple[int, ...] = 3
    """Seeds of each policy or model on each task: their number, counted from 0, or a list. `seeds` in the entry of a
    task or data set overrides it, and that of a policy or model overrides both."""
    baseline: str | None = None
    """Label of the policy or model that the others are compared with. Default: the last one."""
    base: dict[str, Any] = Field(default_factory=dict)
    """Section → option → value, for all runs. Options of the architecture apply only to architectures that have
    them."""

    @property
    def places(self) -> Entries:
        """The entries for the tasks or data sets."""
        return getattr(self, self.comparing.places)

    @property
    def learners(self) -> Entries:
        """The entries for the policies or models."""
        return getattr(self, self.comparing.learners)

    @property
    def baseline_label(self) -> str:
        """Label of the policy or model that the others are compared with."""
        return self.baseline or list(self.learners)[-1]

    def budget_of(self, place: str) -> int:
        """Length of each run on a task or data set, in units of the key `budget`."""
        key = self.comparing.budget
        return (self.places[place] or {}).get(key, getattr(self, key))

    def learners_of(self, place: str) -> list[str]:
        """Labels of the policies or models that run on a task or data set."""
        only = (self.places[place] or {}).get(ONLY, self.learners)
        return [label for label in self.learners if label in only]

    def seeds_of(self, place: str, learner: str) -> tuple[int, ...]:
        """The list of seeds of a policy or model on a task or data set."""
        entries = (self.learners[learner] or {}, self.places[place] or {})
        seeds = next((entry[SEEDS] for entry in entries if SEEDS in entry), self.seeds)
        return tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)

    @model_validator(mode="after")
    def _check_labels(self) -> "Comparable":
        check_seeds(SEEDS, self.seeds)
        for key, entries in ((self.comparing.places, self.places), (self.comparing.learners, self.learners)):
            for label, entry in entries.items():
                check_seeds(f"{key}.{label}.{SEEDS}", (entry or {}).get(SEEDS, self.seeds))
        for label, entry in self.places.items():
            self._check_place(f"{self.comparing.places}.{label}", entry or {})
        if self.baseline is not None and self.baseline not in self.learners:
            hint = suggestion(self.baseline, self.learners)
            key = self.comparing.learners
            raise ValueError(f"baseline is {self.baseline!r}, which is not a label of {key}: {hint}")
        return self

    def _check_place(self, name: str, entry: Mapping[str, Any]) -> None:
        budget, only = entry.get(self.comparing.budget, 1), entry.get(ONLY, list(self.learners))
        if type(budget) is not int or budget < 1:
            raise ValueError(f"{name}.{self.comparing.budget} is {budget!r}, but must be a whole number ≥ 1")
        listed = isinstance(only, list) and len(only) > 0
        if not listed or not all(isinstance(label, str) and label in self.learners for label in only):
            labels = ", ".join(self.learners)
            raise ValueError(f"{name}.{ONLY} is {only!r}, but must list labels of {self.comparing.learners}: {labels}")


class CompareConfig(Comparable):
    """Tasks × policies × seeds, each a training run. Sections and options are those of a training config."""

    comparing: ClassVar = POLICIES

    env_steps: int = Field(ge=1)
    """Environment steps of training in each run. `env_steps` in the entry of a task overrides it."""
    tasks: Entries = Field(min_length=1)
    """Label → sections for the runs on a task, which override `base`. The label is the id of the task, unless `task.id`
    is set. Beside sections: `threshold`, a return to reach, by default that of the task; `env_steps` and `seeds` of the
    runs on it; `only`, a list of the policies that run on it; and `policies` (label → sections), for the runs of one
    policy on the task, which override everything else."""
    policies: Entries = Field(min_length=1)
    """Label → sections for the runs of a policy, which override `base` and those of the task. The label is the name of
    the policy, unless `policy.name` is set."""


class CompareModelsConfig(Comparable):
    """Data sets × supervised models × seeds, each a run of `fit`. Sections and options are those of `fit`."""

    comparing: ClassVar = MODELS

    epochs: int = Field(ge=1)
    """Passes over the training examples in each run. `epochs` in the entry of a data set overrides it."""
    data: Entries = Field(min_length=1)
    """Label → sections for the runs on a data set, which override `base`. The label is the source, unless `data.source`
    is set. Beside sections: `threshold`, an accuracy to reach; `epochs` and `seeds` of the runs on it; `only`, a list
    of the models that run on it; and `models` (label → sections), which override everything else."""
    models: Entries = Field(min_length=1)
    """Label → sections for the runs of a model, which override `base` and those of the data set. The label is the name
    of the model, unless `model.name` is set."""


class CompareVideoModelsConfig(CompareModelsConfig):
    """Data sets × models of videos × seeds, likewise."""

    comparing: ClassVar = VIDEO_MODELS


def load_comparison(name: str | Path, changes: Mapping[str, Any]) -> Comparable:
    """The comparison at a path or of a packaged `name`; `changes` (option → value) override its options.

    Raises:
        UserError: there is none, or any mistake in its options; `make_cells` checks the sections.
    """
    path = find_config(str(name), "compare")
    values = {"directory": f"runs/compare/{Path(path).stem}"} | {str(k): v for k, v in read_yaml(path).items()}
    model = _compared(values)
    foreign = [key for key in ("env_steps", "epochs") if key in changes and key not in model.model_fields]
    if foreign:
        budget = model.comparing.budget
        raise UserError(
            f"{foreign[0]} is not an option here: {str(path)!r} compares {model.comparing.learners}; give {budget}"
        )
    return build_model(model, _without_own(values, model.comparing, changes) | dict(changes))


def _compared(values: Mapping[str, Any]) -> type[Comparable]:
    """What a file with those values compares: policies, models of videos if its first model is one, or classifiers."""
    if not values.keys() & {"data", "models", "epochs"}:
        return CompareConfig
    models = values.get("models")
    label, entry = next(iter(models.items()), ("", None)) if isinstance(models, dict) else ("", None)
    named = (entry.get("model") if isinstance(entry, dict) else None) or {}
    name = named.get("name", label) if isinstance(named, dict) else label
    known = name in FAMILIES.names or ":" in str(name)
    return CompareVideoModelsConfig if known and FAMILIES.find(name).takes == "videos" else CompareModelsConfig


def _without_own(values: dict[str, Any], comparing: Comparing, changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` without what single entries have of their own of the `changes`, which override the whole file."""
    overridden = {SEEDS, comparing.budget} & changes.keys()

    def kept(entry: Any) -> Any:
        return {k: v for k, v in entry.items() if k not in overridden} if isinstance(entry, dict) else entry

    entries = {key: values.get(key) for key in (comparing.places, comparing.learners)}
    changed = {key: {k: kept(v) for k, v in entry.items()} for key, entry in entries.items() if isinstance(entry, dict)}
    return values | changed
