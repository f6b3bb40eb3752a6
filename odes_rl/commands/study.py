"""The command `study`."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel

from odes_rl.errors import UserError
from odes_rl.validation import STRICT, build_model, check_options, parse_text

if TYPE_CHECKING:
    from odes_rl.studies.base import StudyConfig


class Study(BaseModel):
    """Run a study, a small experiment that ends in a table and a picture. Options override the file's."""

    model_config = STRICT

    config: str
    """YAML file that names the study, and sets some of its options."""


def study(command: Study, overrides: Mapping[str, str]) -> int:
    """Run a study, write its table and picture, and print them.

    Raises:
        UserError: any mistake in the config, or what the study finds wrong with its data.
        StorageError: if its files cannot be written.
    """
    from odes_rl.studies import STUDIES
    from odes_rl.studies.writing import markdown_text, write_findings

    config = load_study(command.config, overrides)
    started = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {line}", flush=True)

    findings = STUDIES[config.study].run(config, tell)
    paths = write_findings(config, findings)
    print(f"\n{markdown_text(findings)}")
    for path in paths:
        print(path)
    return 0


def load_study(path: str, overrides: Mapping[str, str]) -> "StudyConfig":
    """The options of the study in the YAML file at `path`, changed by `overrides` (option → text).

    Raises:
        UserError: any mistake in either.
    """
    from odes_rl.records.files import read_yaml
    from odes_rl.studies import STUDIES, study_family

    values = {"directory": f"runs/studies/{Path(path).stem}"} | {str(k): v for k, v in read_yaml(path).items()}
    if "study" not in values:
        raise UserError(f"{path!r} names no study: add a line `study: NAME`, one of {', '.join(STUDIES)}")
    family = study_family(str(overrides.get("study", values["study"])))
    check_options(family.config, overrides)
    return build_model(family.config, values | {k: _parsed(family.config, k, text) for k, text in overrides.items()})


def _parsed(model: type[BaseModel], option: str, text: str) -> Any:
    """A value of the command line, where `[a, b]` is a list."""
    return yaml.safe_load(text) if text.startswith("[") else parse_text(model, option, text)
