"""The command `study`."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from odes_rl.cli.arguments import flags, list_options, split_arguments
from odes_rl.config.packaged import find_config, paths
from odes_rl.errors import UserError
from odes_rl.interrupts import interruptible
from odes_rl.validation import STRICT, build_model, check_options, parse_text

if TYPE_CHECKING:
    from odes_rl.studies import StudyConfig


class Study(BaseModel):
    """Run a study: a small experiment with a table and a figure as its result. Options override the file."""

    model_config = STRICT

    config: str
    """YAML file that names the study and sets some of its options; or the name of a packaged one, as `odes-rl list
    configs` shows them."""
    overwrite: bool = False
    """Replace the files of an earlier study in the directory; without this option they are an error."""


def study(command: Study, overrides: Mapping[str, str]) -> int:
    """Run a study, write its table and picture, and print them.

    Raises:
        UserError: any mistake in the config, a directory that holds something, or what the study finds wrong with its
            data.
        StorageError: if its files cannot be written.
    """
    from odes_rl.studies import find_study
    from odes_rl.studies.writing import markdown_text, place_for_findings, write_findings

    config = load_study(command.config, overrides)
    started = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {line}", flush=True)

    with place_for_findings(Path(config.directory), overwrite=command.overwrite):
        findings = interruptible(find_study(config.study).run, config, tell)
        paths = write_findings(config, findings)
    print(f"\n{markdown_text(findings)}")
    for path in paths:
        print(path)
    return 0


def load_study(name: str, overrides: Mapping[str, str]) -> "StudyConfig":
    """The options of the study at a path or of a packaged `name`, changed by `overrides` (option → text).

    Raises:
        UserError: there is none, or any mistake in either.
    """
    path = str(find_config(name, "study"))
    values = {"directory": f"runs/studies/{Path(path).stem}"} | _read(path)
    model = _study_class(path, values, overrides)
    check_options(model, overrides)
    return build_model(model, values | {k: parse_text(model, k, text) for k, text in overrides.items()})


def study_lists(arguments: Sequence[str]) -> tuple[list[str], set[str]]:
    """The `arguments` of the command with its config in front, and the study's options that hold several values.

    Only the config says which they are, and behind one of them it would be taken for a value.

    Raises:
        UserError: if the config cannot be read, or names no study.
    """
    words, options = split_arguments(arguments, flags(Study))
    name = next((word for word in words if Path(word).is_file() or word in paths()), None)
    if name is None:
        return list(arguments), set()
    place = list(arguments).index(name)
    others = [*arguments[:place], *arguments[place + 1 :]]
    path = str(find_config(name, "study"))
    return [name, *others], list_options(_study_class(path, _read(path), options))


def _read(path: str) -> dict[str, Any]:
    from odes_rl.yaml_text import read_yaml

    return {str(option): value for option, value in read_yaml(path).items()}


def _study_class(path: str, values: Mapping[str, Any], overrides: Mapping[str, str]) -> "type[StudyConfig]":
    from odes_rl.studies import NONE_INSTALLED, STUDIES, find_study

    if "study" not in values:
        choice = f"one of {', '.join(STUDIES.names)}" if STUDIES.names else NONE_INSTALLED
        raise UserError(f"{path!r} names no study: add a line `study: NAME`, {choice}")
    return find_study(str(overrides.get("study", values["study"]))).config
