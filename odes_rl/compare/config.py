"""The configuration of a comparison: what all runs share, and what tells them apart."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, model_validator

from odes_rl.errors import suggestion
from odes_rl.records.files import read_yaml
from odes_rl.validation import STRICT, build_model


class CompareConfig(BaseModel):
    """Tasks × policies × seeds, each a run of its own; sections and options are those of an experiment."""

    model_config = STRICT

    directory: str = Field(min_length=1)
    """Where the runs and the report go; `runs/compare/<name of the config file>` if left out."""
    env_steps: int = Field(ge=1)
    """Environment steps of training that each run takes."""
    seeds: int | tuple[int, ...] = 3
    """Seeds of each policy on each task: how many, from 0 on, or which."""
    baseline: str | None = None
    """Label of the policy that the others are measured against; the last one if left out."""
    base: dict[str, Any] = Field(default_factory=dict)
    """Section → option → value, for all runs; `policy` options go to the policies that have them."""
    tasks: dict[str, dict[str, Any] | None] = Field(min_length=1)
    """Label → sections over `base`, for the runs on a task, and `threshold`, a return worth reaching, which is the
    task's own if left out. The label is the task's id, unless `task.id` says otherwise. `policies` of a task, label →
    sections, come last, for the runs of one policy on it."""
    policies: dict[str, dict[str, Any] | None] = Field(min_length=1)
    """Label → sections over `base` and the task's, for the runs of a policy. The label is its name, unless
    `policy.name` says otherwise."""

    @model_validator(mode="after")
    def _check_entries(self) -> "CompareConfig":
        seeds = self.seed_list
        if not seeds or min(seeds) < 0 or max(seeds) >= 2**31 or len(set(seeds)) < len(seeds):
            raise ValueError(f"seeds is {self.seeds}, but must be a number ≥ 1, or distinct ones from 0 to 2³¹ − 1")
        if self.baseline is not None and self.baseline not in self.policies:
            hint = suggestion(self.baseline, self.policies)
            raise ValueError(f"baseline is {self.baseline!r}, which is no label of policies: {hint}")
        return self

    @property
    def seed_list(self) -> tuple[int, ...]:
        """The seeds, one by one."""
        return tuple(range(self.seeds)) if isinstance(self.seeds, int) else self.seeds

    @property
    def baseline_label(self) -> str:
        """Label of the policy that the others are measured against."""
        return self.baseline or list(self.policies)[-1]


def load_comparison(path: str | Path, changes: Mapping[str, Any]) -> CompareConfig:
    """The comparison in the YAML file at `path`; `changes` (option → value) replace its own options.

    Raises:
        UserError: any mistake in its own options; `make_cells` finds those in the sections.
    """
    values = {"directory": f"runs/compare/{Path(path).stem}"} | {str(k): v for k, v in read_yaml(path).items()}
    return build_model(CompareConfig, values | dict(changes))
