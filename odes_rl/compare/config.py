"""The configuration of a comparison: options of all runs, and of each task, policy or model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, Field, model_validator

from odes_rl.config.layering import FITTING, TRAINING, Kind
from odes_rl.config.packaged import find_config
from odes_rl.errors import UserError, suggestion
from odes_rl.reports.measures import ACCURACIES, RETURNS, Measure
from odes_rl.validation import STRICT, build_model
from odes_rl.yaml_text import read_yaml

Entries = dict[str, dict[str, Any] | None]
"""Label → sections."""


class Comparing(NamedTuple):
    """The keys of a comparison file.

    Attributes:
        run: the kind of each run.
        budget: the key for the length of each run; the option of the section `run` has the same name.
        places: the key of the tasks or data sets.
        place_option: the option that their labels stand for.
        learners: the key of the policies or models.
        measure: the measured quantity.
    """

    run: Kind
    budget: str
    places: str
    place_option: str
    learners: str
    measure: Measure


POLICIES = Comparing(TRAINING, "env_steps", "tasks", "task.id", "policies", RETURNS)
MODELS = Comparing(FITTING, "epochs", "data", "data.source", "models", ACCURACIES)


class Comparable(BaseModel):
    """Options shared by comparisons of policies and of supervised models."""

    model_config = STRICT
    comparing: ClassVar[Comparing]

    directory: str = Field(min_length=1)
    """Directory of the runs and the report. Default: `runs/compare/<name of the config file>`."""
    seeds: int | tuple[int, ...] = 3
    """Seeds of each policy or model on each task: their number, counted from 0, or a list. `seeds` in the entry of a
    policy or model overrides it."""
    baseline: str | None = None
    """Label of the policy or model that the others are compared with. Default: the last one."""
    base: dict[str, Any] = Field(default_factory=dict)
    """Section → option → value, for all runs. Options of the architecture apply only to architectures that have
    them."""

    @property
    def budget(self) -> int:
        """Length of each run, in units of the key `budget`."""
        return getattr(self, self.comparing.budget)

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

    def seeds_of(self, label: str) -> tuple[int, ...]:
        """The list of seeds of a policy or model."""
        seeds = (self.learners[label] or {}).get("seeds", self.seeds)
        return tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)

    @model_validator(mode="after")
    def _check_labels(self) -> "Comparable":
        for label in self.learners:
            _check_seeds((self.learners[label] or {}).get("seeds", self.seeds))
        if self.baseline is not None and self.baseline not in self.learners:
            hint = suggestion(self.baseline, self.learners)
            key = self.comparing.learners
            raise ValueError(f"baseline is {self.baseline!r}, which is not a label of {key}: {hint}")
        return self


class CompareConfig(Comparable):
    """Tasks × policies × seeds, each a training run. Sections and options are those of a training config."""

    comparing: ClassVar = POLICIES

    env_steps: int = Field(ge=1)
    """Environment steps of training in each run."""
    tasks: Entries = Field(min_length=1)
    """Label → sections for the runs on a task, which override `base`, and `threshold`, a return to reach; its default
    is that of the task. The label is the id of the task, unless `task.id` is set. `policies` of a task (label →
    sections) apply to the runs of one policy on the task, and override everything else."""
    policies: Entries = Field(min_length=1)
    """Label → sections for the runs of a policy, which override `base` and those of the task. The label is the name of
    the policy, unless `policy.name` is set."""


class CompareModelsConfig(Comparable):
    """Data sets × supervised models × seeds, each a run of `fit`. Sections and options are those of `fit`."""

    comparing: ClassVar = MODELS

    epochs: int = Field(ge=1)
    """Passes over the training examples in each run."""
    data: Entries = Field(min_length=1)
    """Label → sections for the runs on a data set, which override `base`, and `threshold`, an accuracy to reach. The
    label is the source, unless `data.source` is set. `models` of a data set (label → sections) override everything
    else."""
    models: Entries = Field(min_length=1)
    """Label → sections for the runs of a model, which override `base` and those of the data set. The label is the name
    of the model, unless `model.name` is set."""


def load_comparison(name: str | Path, changes: Mapping[str, Any]) -> Comparable:
    """The comparison at a path or of a packaged `name`; `changes` (option → value) override its options.

    Raises:
        UserError: there is none, or any mistake in its options; `make_cells` checks the sections.
    """
    path = find_config(str(name), "compare")
    values = {"directory": f"runs/compare/{Path(path).stem}"} | {str(k): v for k, v in read_yaml(path).items()}
    model = CompareModelsConfig if values.keys() & {"data", "models", "epochs"} else CompareConfig
    foreign = [key for key in ("env_steps", "epochs") if key in changes and key not in model.model_fields]
    if foreign:
        budget = model.comparing.budget
        raise UserError(f"{foreign[0]} is not an option here: {str(path)!r} compares {_kind(model)}; give {budget}")
    return build_model(model, values | dict(changes))


def _kind(model: type[Comparable]) -> str:
    return model.comparing.learners


def _check_seeds(seeds: Any) -> None:
    listed = range(seeds) if isinstance(seeds, int) else seeds
    whole = isinstance(listed, range | list | tuple) and all(type(seed) is int for seed in listed)
    if not whole or not listed or min(listed) < 0 or max(listed) >= 2**31 or len(set(listed)) < len(listed):
        raise ValueError(f"seeds is {seeds}, but must be a number ≥ 1, or distinct ones from 0 to 2³¹ − 1")
