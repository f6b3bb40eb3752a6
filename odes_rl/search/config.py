"""The configuration of a search."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field, field_validator

from odes_rl.compare.standing import differing, recorded_options
from odes_rl.config.layering import TRAINING, check_sections, layer_values
from odes_rl.config.packaged import find_config
from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import UserError
from odes_rl.search.space import Parameter, grid, make_space
from odes_rl.validation import STRICT, build_model, check_seeds
from odes_rl.yaml_text import read_yaml

Objective = Literal["second_half", "last", "best", "mean"]
FIRST_SEED = 1000
"""Seeds that are counted begin here, so that they are apart from those of comparisons, which begin at 0."""
_SET = {
    "run.seed": "`seeds` of the search sets it",
    "run.directory": "`directory` of the search sets it",
    "run.env_steps": "`env_steps` of the search sets it",
    "run.generations": "`env_steps` of the search sets the end of every run",
}
_FREE = ("directory", "storage", "trials", "base", "space")
"""Options in which a search that goes on may differ from the one that was started; the last two are compared apart."""

_TRIALS = 20
"""Unless a search says otherwise."""


class SearchConfig(BaseModel):
    """A search: trials of a training config, each with other values of the options in `space`."""

    model_config = STRICT

    directory: str = Field(min_length=1)
    """Directory of the trials. Default: `runs/search/<name of the config file>`."""
    base: str | dict[str, Any] = Field(default_factory=dict)
    """The training config of all trials: the path of its file, from the directory of the search's file, or its
    sections."""
    space: dict[str, Any] = Field(min_length=1)
    """Dotted option → `{low, high}`, with `log: true` or `step` if wanted, or a list of choices."""
    trials: int | None = Field(default=None, ge=1)
    """Number of trials; more may be asked for later. Default: 20, and of a grid all combinations, which are the most
    that it has."""
    env_steps: int = Field(ge=1)
    """Environment steps of training in each run."""
    seeds: int | tuple[int, ...] = 1
    """Runs of each trial: their number, with seeds counted from 1000, or a list of seeds. The value of a trial is the
    mean over them."""
    objective: Objective = "second_half"
    """The value of a run, which is maximised: the mean evaluation in the second half of its environment steps, the last
    evaluation, the best one, or the mean of all. The evaluation of the untrained policy does not count."""
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    """How values are proposed: by a tree-structured Parzen estimator (Bergstra et al. 2011), at random, or all
    combinations in turn."""
    pruner: Literal["median", "hyperband", "none"] = "median"
    """Which trials end early: those below the median of the finished ones at the same environment steps, those that
    Hyperband (Li et al. 2018) stops, or none."""
    startup_trials: int = Field(default=5, ge=1)
    """Trials before the sampler `tpe` stops drawing at random, and before the pruner `median` ends any."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the sampler."""
    storage: str | None = Field(default=None, min_length=1)
    """SQLite file of the trials; none is `trials.db` in the directory."""

    @field_validator("seeds")
    @classmethod
    def _check_seeds(cls, seeds: Any) -> Any:
        check_seeds("seeds", seeds)
        return seeds

    @field_validator("storage")
    @classmethod
    def _check_storage(cls, storage: str | None) -> str | None:
        if storage is not None and ("://" in storage or storage == ":memory:"):
            raise ValueError(f"storage is {storage!r}, but must be the path of an SQLite file")
        return storage


class Search(NamedTuple):
    """A search, complete and checked.

    Attributes:
        config: its own options.
        base: the training config of its trials, but for the seed and the directory.
        parameters: the searched options.
    """

    config: SearchConfig
    base: ExperimentConfig
    parameters: tuple[Parameter, ...]

    @property
    def path(self) -> Path:
        """The directory."""
        return Path(self.config.directory)

    @property
    def storage(self) -> Path:
        """The SQLite file."""
        return Path(self.config.storage or self.path / "trials.db")

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the runs of a trial."""
        seeds = self.config.seeds
        return tuple(range(FIRST_SEED, FIRST_SEED + seeds)) if isinstance(seeds, int) else seeds

    @property
    def trials(self) -> int:
        """Number of trials."""
        asked = self.config.trials
        if self.config.sampler != "grid":
            return asked or _TRIALS
        points = math.prod(parameter.size or 0 for parameter in self.parameters)
        return min(asked or points, points)

    def trial_path(self, number: int) -> Path:
        """The directory of the runs of a trial."""
        return self.path / f"trial_{number:03d}"

    def trial_config(self, params: Mapping[str, Any], changes: Mapping[str, Any]) -> ExperimentConfig:
        """The config of a run with the values `params` of the searched options, and other `changes`.

        Raises:
            UserError: if the values do not go together.
        """
        return layer_values(self.base.model_dump(mode="json"), {**params, **changes}, default_directory="runs/best")

    @property
    def record(self) -> dict[str, Any]:
        """The whole search, as its file has it."""
        return self.config.model_dump(mode="json") | {"base": self.base.model_dump(mode="json")}


def load_search(name: str | Path, changes: Mapping[str, Any], overrides: Mapping[str, str]) -> Search:
    """The search in the file at a path, or in the packaged config of that `name`.

    Args:
        name: the file or the config.
        changes: option of the search → value, in place of that of the file.
        overrides: dotted option → text, in place of those of `base`.

    Raises:
        UserError: any mistake in these.
    """
    path = find_config(str(name), "search")
    values = {"directory": f"runs/search/{Path(path).stem}"} | {str(k): v for k, v in read_yaml(path).items()}
    return make_search(build_model(SearchConfig, values | dict(changes)), Path(path), overrides)


def make_search(config: SearchConfig, source: Path, overrides: Mapping[str, str]) -> Search:
    """The search with the options `config`, which the file `source` holds, and `overrides` of its base.

    Raises:
        UserError: any mistake in the base, the overrides or the space.
    """
    for name in overrides:
        if name in config.space:
            raise UserError(f"{name} is searched, so that it cannot be set: take it out of `space`")
    base = _base(config, source, overrides)
    parameters = make_space(config.space, base)
    if config.sampler == "grid":
        grid(parameters)
    return Search(config, base, parameters)


def check_same(recorded: Mapping[str, Any], search: Search, place: Path) -> None:
    """Check that `recorded`, which lies at `place`, is this `search`, with as many trials or others.

    Raises:
        UserError: if it is another; names an option in which they differ.
    """
    there, here = _options(recorded), _options(search.record)
    for name in differing(there, here):
        raise UserError(
            f"{str(place)!r} is of a search with {name} {there.get(name)}, but now it is {here.get(name)}: "
            "restore that, or give another --directory"
        )


def _options(record: Mapping[str, Any]) -> dict[str, Any]:
    base = recorded_options(layer_values(record["base"], {}, default_directory="x"))
    named = {f"space.{name}": entry for name, entry in record["space"].items()}
    named |= {f"base.{name}": value for name, value in base.items() if name != "run.seed"}
    return {name: value for name, value in record.items() if name not in _FREE} | named


def _base(config: SearchConfig, source: Path, overrides: Mapping[str, str]) -> ExperimentConfig:
    for name in overrides:
        if name in _SET:
            raise UserError(f"{name} cannot be set here: {_SET[name]}")
    if isinstance(config.base, str):
        place = source.parent / config.base
        values = check_sections(place, read_yaml(place))
    else:
        place, values = source, check_sections(f"{source}: base", config.base)
    if TRAINING.place not in overrides and "id" not in values["task"]:
        raise UserError(f"base: {TRAINING.place} is missing in {str(place)!r}")
    values["run"] |= {"env_steps": config.env_steps, "generations": None, "seed": 0, "directory": config.directory}
    return layer_values(values, overrides, default_directory=config.directory)
