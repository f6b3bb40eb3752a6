"""The configuration of a comparison: what all runs share, and what tells them apart."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, Field, model_validator

from odes_rl.config.layering import FITTING, TRAINING, Kind
from odes_rl.errors import UserError, suggestion
from odes_rl.reports.measures import ACCURACIES, RETURNS, Measure
from odes_rl.validation import STRICT, build_model
from odes_rl.yaml_text import read_yaml

Entries = dict[str, dict[str, Any] | None]
"""Label → sections."""


class Comparing(NamedTuple):
    """What is compared, in the words of its file.

    Attributes:
        run: the kind of each run.
        budget: the key that says how far each goes; the option of its section `run` is called alike.
        places: the key of what is learnt.
        place_option: the option that a label there stands for.
        learners: the key of what learns.
        measure: what it comes to.
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
    """What comparisons of policies and of supervised models have in common."""

    model_config = STRICT
    comparing: ClassVar[Comparing]

    directory: str = Field(min_length=1)
    """Where the runs and the report go; `runs/compare/<name of the config file>` if left out."""
    seeds: int | tuple[int, ...] = 3
    """Seeds of each learner on each task: how many, from 0 on, or which. `seeds` of a learner's entry replaces it."""
    baseline: str | None = None
    """Label of the learner that the others are measured against; the last one if left out."""
    base: dict[str, Any] = Field(default_factory=dict)
    """Section → option → value, for all runs; options of one architecture go to those that have them."""

    @property
    def budget(self) -> int:
        """How far each run goes."""
        return getattr(self, self.comparing.budget)

    @property
    def places(self) -> Entries:
        """The entries of what is learnt."""
        return getattr(self, self.comparing.places)

    @property
    def learners(self) -> Entries:
        """The entries of what learns."""
        return getattr(self, self.comparing.learners)

    @property
    def baseline_label(self) -> str:
        """Label of the learner that the others are measured against."""
        return self.baseline or list(self.learners)[-1]

    def seeds_of(self, label: str) -> tuple[int, ...]:
        """The seeds of a learner, one by one."""
        seeds = (self.learners[label] or {}).get("seeds", self.seeds)
        return tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)

    @model_validator(mode="after")
    def _check_labels(self) -> "Comparable":
        for label in self.learners:
            _check_seeds((self.learners[label] or {}).get("seeds", self.seeds))
        if self.baseline is not None and self.baseline not in self.learners:
            hint = suggestion(self.baseline, self.learners)
            key = self.comparing.learners
            raise ValueError(f"baseline is {self.baseline!r}, which is no label of {key}: {hint}")
        return self


class CompareConfig(Comparable):
    """Tasks × policies × seeds, each a training run of its own; sections and options are those of an experiment."""

    comparing: ClassVar = POLICIES

    env_steps: int = Field(ge=1)
    """Environment steps of training that each run takes."""
    tasks: Entries = Field(min_length=1)
    """Label → sections over `base`, for the runs on a task, and `threshold`, a return worth reaching, which is the
    task's own if left out. The label is the task's id, unless `task.id` says otherwise. `policies` of a task, label →
    sections, come last, for the runs of one policy on it."""
    policies: Entries = Field(min_length=1)
    """Label → sections over `base` and the task's, for the runs of a policy. The label is its name, unless
    `policy.name` says otherwise."""


class CompareModelsConfig(Comparable):
    """Data sets × supervised models × seeds, each a run of `fit`; sections and options are those of `fit`."""

    comparing: ClassVar = MODELS

    epochs: int = Field(ge=1)
    """Passes over the training examples that each run takes."""
    data: Entries = Field(min_length=1)
    """Label → sections over `base`, for the runs on a data set, and `threshold`, an accuracy worth reaching. The label
    is the source, unless `data.source` says otherwise. `models` of a data set, label → sections, come last."""
    models: Entries = Field(min_length=1)
    """Label → sections over `base` and the data set's, for the runs of a model. The label is its name, unless
    `model.name` says otherwise."""


def load_comparison(path: str | Path, changes: Mapping[str, Any]) -> Comparable:
    """The comparison in the YAML file at `path`; `changes` (option → value) replace its own options.

    Raises:
        UserError: any mistake in its own options; `make_cells` finds those in the sections.
    """
    values = {"directory": f"runs/compare/{Path(path).stem}"} | {str(k): v for k, v in read_yaml(path).items()}
    model = CompareModelsConfig if values.keys() & {"data", "models", "epochs"} else CompareConfig
    foreign = [key for key in ("env_steps", "epochs") if key in changes and key not in model.model_fields]
    if foreign:
        budget = model.comparing.budget
        raise UserError(f"{foreign[0]} is no option here: {str(path)!r} compares {_kind(model)}, give {budget}")
    return build_model(model, values | dict(changes))


def _kind(model: type[Comparable]) -> str:
    return model.comparing.learners


def _check_seeds(seeds: Any) -> None:
    listed = range(seeds) if isinstance(seeds, int) else seeds
    whole = isinstance(listed, range | list | tuple) and all(type(seed) is int for seed in listed)
    if not whole or not listed or min(listed) < 0 or max(listed) >= 2**31 or len(set(listed)) < len(listed):
        raise ValueError(f"seeds is {seeds}, but must be a number ≥ 1, or distinct ones from 0 to 2³¹ − 1")
