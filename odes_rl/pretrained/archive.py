"""A pretrained policy as a file: parameters, moments of the observations, and a card that says where they come from."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from odes_rl.config.layering import layer_values
from odes_rl.config.naming import file_name
from odes_rl.config.schema import ExperimentConfig
from odes_rl.pretrained.names import POLICIES, PREFIX, file_of, find_file
from odes_rl.rollouts.protocol import Moments
from odes_rl.runs.archive import named_arrays, tree_like
from odes_rl.runs.files import replace_bytes, writing_to
from odes_rl.yaml_text import dump_yaml, parse_yaml

_CARD, _RETURNS = "card", "returns"
_OF_ITS_MACHINE = {
    "rollouts": True,
    "run": {"directory", "initial", "initial_checkpoint", "loggers", "logger_options", "keep_checkpoints"},
}
"""Sections and options that say where a run was computed and kept."""


class Learnt(NamedTuple):
    """What a run has learnt: parameters, a tree of arrays, and moments of the observations of n entries."""

    params: Any
    moments: Moments


class Card(NamedTuple):
    """Where a pretrained policy comes from.

    Attributes:
        task: Gymnasium id.
        policy: its name, as `policy.name` has it.
        parameters: how many.
        seed: of the run.
        runs: of the policy on the task, among which the evaluations of this one were the best.
        generation: updates behind it.
        env_steps: environment steps of training behind it.
        evaluation: the score in training that it was chosen by, of the run's best evaluation.
        versions: package → version, of those that `returns` were measured with.
        config: section → option → value, of the run.
    """

    task: str
    policy: str
    parameters: int
    seed: int
    runs: int
    generation: int
    env_steps: int
    evaluation: float
    versions: dict[str, str]
    config: dict[str, dict[str, Any]]


class Pretrained(NamedTuple):
    """The file of a pretrained policy.

    Attributes:
        path: of it.
        card: where the policy comes from.
        returns: [E] float64, of the first E episodes that `odes-rl evaluate` rolls out.
        arrays: parameters and moments, by their names in the file.
    """

    path: Path
    card: Card
    returns: np.ndarray
    arrays: Mapping[str, np.ndarray]

    @property
    def name(self) -> str:
        """Its name, for commands and functions."""
        return f"{PREFIX}{self.card.task}/{self.card.policy}"

    @property
    def config(self) -> ExperimentConfig:
        """The run's configuration, for this machine."""
        directory = f"runs/{file_name(self.name.removeprefix(PREFIX))}"
        return layer_values(self.card.config, {}, default_directory=directory)

    def learnt(self, like: Learnt) -> Learnt:
        """What the run has learnt, the parameters as a tree of the structure, shapes and dtypes of `like`.

        Raises:
            OtherSignatureError: if they are of other ones.
        """
        return tree_like(self.path, {f".{name}": array for name, array in self.arrays.items()}, like)


def recorded_config(config: ExperimentConfig) -> dict[str, dict[str, Any]]:
    """The sections of `config` for a card."""
    return config.model_dump(mode="json", exclude=_OF_ITS_MACHINE)  # pyright: ignore[reportArgumentType]


def read_pretrained(name: str) -> Pretrained:
    """The pretrained policy called `name`, `pretrained:TASK/POLICY`.

    Raises:
        UserError: if there is none.
    """
    return read_file(find_file(name))


def read_file(path: Path) -> Pretrained:
    """The policy in the file at `path`, which `write_pretrained` wrote."""
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    card = Card(**parse_yaml(str(arrays.pop(_CARD))))
    return Pretrained(path, card, arrays.pop(_RETURNS), arrays)


def write_pretrained(card: Card, learnt: Learnt, returns: np.ndarray, directory: Path = POLICIES) -> Path:
    """Write a policy's file below `directory`, in place of an earlier one; its path.

    Raises:
        StorageError: if it cannot be written.
    """
    arrays: dict[str, Any] = {name.removeprefix("."): array for name, array in named_arrays(learnt).items()}
    arrays |= {_RETURNS: np.asarray(returns, np.float64), _CARD: np.array(dump_yaml(card._asdict()))}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    path = file_of(card.task, card.policy, directory)
    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(path, content.getvalue())
    return path
