"""Where values come from: class defaults < preset < YAML file < preset and options of the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from odes_rl.errors import UserError, check_name, suggestion
from odes_rl.es.config import PRESETS, StrategyConfig
from odes_rl.policies import policy_config_class, policy_names
from odes_rl.policies.base import PolicyConfig
from odes_rl.records.config import ExperimentConfig, RunConfig, TaskConfig
from odes_rl.records.files import read_yaml
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.validation import build_model, check_options, parse_text

DEFAULT_POLICY = "ode_to_ode"
SECTIONS = tuple(ExperimentConfig.model_fields)
Sections = dict[str, dict[str, Any]]
"""Section → option → value."""


def load_config(path: str | Path, overrides: Mapping[str, Any] | None = None) -> ExperimentConfig:
    """The configuration in the YAML file at `path`, changed by `overrides`.

    Args:
        path: a file; `run.directory` is `runs/<its stem>` unless something sets it.
        overrides: dotted option (`strategy.sigma`) → value, or its text from the command line.

    Raises:
        UserError: any mistake in the file or in the overrides.
    """
    values = _check_sections(path, read_yaml(path))
    return layer_values(values, overrides or {}, default_directory=f"runs/{Path(path).stem}")


def layer_values(
    values: Mapping[str, Mapping[str, Any]], overrides: Mapping[str, Any], *, default_directory: str
) -> ExperimentConfig:
    """The configuration from a file's `values` and the command line's `overrides` (dotted option → value).

    A preset among the overrides replaces the strategy section by the preset's, and sets what it names
    elsewhere; a policy's name among them replaces the policy section, except for what all policies share.

    Raises:
        UserError: any mistake in either.
    """
    explicit = _split_overrides(overrides)
    merged = _over_preset(values)
    if "preset" in explicit["strategy"]:
        merged = _replace_strategy(merged, explicit["strategy"]["preset"])
    if "name" in explicit["policy"]:
        merged["policy"] = {k: v for k, v in merged["policy"].items() if k in PolicyConfig.model_fields}
    policy = explicit["policy"].get("name", merged["policy"].get("name", DEFAULT_POLICY))
    merged["policy"]["name"] = check_name("policy", policy, policy_names())
    merged["run"].setdefault("directory", default_directory)
    models = {section: section_class(section, policy) for section in SECTIONS}
    built = {s: build_model(models[s], merged[s] | _typed(s, models[s], explicit[s]), f"{s}.") for s in SECTIONS}
    return ExperimentConfig(**built)  # pyright: ignore[reportArgumentType]


def section_class(section: str, policy: str) -> type[BaseModel]:
    """The model of a `section`; that of `policy` depends on the policy's name."""
    fixed = {"task": TaskConfig, "strategy": StrategyConfig, "rollouts": RolloutsConfig, "run": RunConfig}
    return policy_config_class(policy) if section == "policy" else fixed[section]


def _split_overrides(overrides: Mapping[str, Any]) -> Sections:
    explicit: Sections = {section: {} for section in SECTIONS}
    for dotted, value in overrides.items():
        section, dot, option = dotted.partition(".")
        if section not in explicit or not dot:
            raise UserError(f"unknown option {dotted}: {suggestion(dotted, _every_option())}")
        explicit[section][option] = value
    return explicit


def _typed(section: str, model: type[BaseModel], options: Mapping[str, Any]) -> dict[str, Any]:
    check_options(model, options, f"{section}.")
    return {k: parse_text(model, k, v) if isinstance(v, str) else v for k, v in options.items()}


def _check_sections(path: str | Path, content: Mapping[Any, Any]) -> Sections:
    for section, options in content.items():
        if section not in SECTIONS:
            hint = suggestion(str(section), SECTIONS)
            raise UserError(f"{str(path)!r} has an unknown section {section!r}: {hint}")
        if not isinstance(options, dict | None):
            raise UserError(f"{str(path)!r}: section {section} is {options!r}, but must hold options")
    return {s: {str(k): v for k, v in (content.get(s) or {}).items()} for s in SECTIONS}


def _over_preset(values: Mapping[str, Mapping[str, Any]]) -> Sections:
    preset = _preset(values.get("strategy", {}).get("preset", "default"))
    return {s: {**preset.get(s, {}), **values.get(s, {})} for s in SECTIONS}


def _replace_strategy(values: Sections, name: object) -> Sections:
    preset = _preset(name)
    merged = {s: {**options, **preset.get(s, {})} for s, options in values.items()}
    return {**merged, "strategy": {**preset.get("strategy", {}), "preset": name}}


def _preset(name: object) -> dict[str, dict[str, object]]:
    return PRESETS[check_name("preset", name, PRESETS)]


def _every_option() -> list[str]:
    return [f"{s}.{option}" for s in SECTIONS for option in section_class(s, DEFAULT_POLICY).model_fields]
