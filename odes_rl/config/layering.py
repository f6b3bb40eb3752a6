"""Where values come from: class defaults < preset < YAML file < preset and options of the command line."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, get_origin

from pydantic import BaseModel

from odes_rl.config.naming import file_name
from odes_rl.config.packaged import find_config
from odes_rl.config.schema import ExperimentConfig, FitConfig
from odes_rl.errors import UserError, check_name, suggestion
from odes_rl.es.config import PRESETS
from odes_rl.policies import policy_config_class
from odes_rl.policies.policy import PolicyConfig
from odes_rl.supervised.models import model_config_class
from odes_rl.supervised.models.model import ModelConfig
from odes_rl.validation import build_model, check_options, parse_entry, parse_text
from odes_rl.yaml_text import read_yaml

Config = TypeVar("Config", ExperimentConfig, FitConfig)
Sections = dict[str, dict[str, Any]]
"""Section → option → value."""


class Kind(NamedTuple, Generic[Config]):
    """A kind of run.

    Attributes:
        config: the class of its configuration, whose fields are the sections.
        named: the section whose options depend on the `name` in it.
        family: the class of that section's options for a name; raises UserError for a name that does not exist.
        shared: the class of the options that all names share.
        default: the name if none is given.
        command: of the command line, that starts such a run.
        place: the option that says what is learnt.
        label: of what that option has, for the default run directory.
    """

    config: type[Config]
    named: str
    family: Callable[[str], type[BaseModel]]
    shared: type[BaseModel]
    default: str
    command: str
    place: str
    label: Callable[[str], str]

    @property
    def sections(self) -> tuple[str, ...]:
        """The names of the sections."""
        return tuple(self.config.model_fields)


def _stem(source: str) -> str:
    return Path(source).resolve().stem


TRAINING = Kind(ExperimentConfig, "policy", policy_config_class, PolicyConfig, "ode_to_ode", "train", "task.id", str)
FITTING = Kind(FitConfig, "model", model_config_class, ModelConfig, "ode_to_ode", "fit", "data.source", _stem)
SECTIONS = TRAINING.sections


def kind_of(content: Mapping[Any, Any]) -> Kind:
    """The kind of run whose sections `content` has: fitting, if one is there that only fitting has."""
    only_fitting = set(FITTING.sections) - set(TRAINING.sections)
    return FITTING if only_fitting & content.keys() else TRAINING


def load_config(path: str | Path, overrides: Mapping[str, Any] | None = None, kind: Kind[Config] = TRAINING) -> Config:
    """The configuration in the YAML file at `path`, changed by `overrides`.

    Args:
        path: a file; `run.directory` is `runs/<its stem>` unless something sets it.
        overrides: dotted option (`strategy.sigma`) → value, or its text from the command line.
        kind: what the file should configure.

    Raises:
        UserError: any mistake in the file or in the overrides, or it configures another kind of run.
    """
    values = read_sections(path, kind)
    return layer_values(values, overrides or {}, default_directory=f"runs/{Path(path).stem}", kind=kind)


def read_sections(path: str | Path, kind: Kind = TRAINING) -> Sections:
    """The sections in the YAML file at `path`.

    Raises:
        UserError: if it cannot be read, has an unknown section, or configures another kind of run.
    """
    return check_sections(path, read_yaml(path), kind)


def make_config(name: str | None, overrides: Mapping[str, Any], kind: Kind[Config] = TRAINING) -> Config:
    """The configuration that `name` means, as `find_config` finds it, changed by `overrides`, or that of these alone.

    The latter goes to `runs/<what is learnt>`.

    Raises:
        UserError: as `find_config` and `load_config`, or if neither says what is learnt.
    """
    if name is not None:
        without = f"; without a config: odes-rl {kind.command} --{kind.place} {name}"
        path = find_config(name, kind.command, without)
        return load_config(path, overrides, kind)
    if kind.place not in overrides:
        raise UserError(
            f"CONFIG is missing: write odes-rl {kind.command} CONFIG [--option value ...], or without a file "
            f"odes-rl {kind.command} --{kind.place} {kind.place.partition('.')[2].upper()} [--option value ...]"
        )
    directory = f"runs/{file_name(kind.label(overrides[kind.place]))}"
    return layer_values({}, overrides, default_directory=directory, kind=kind)


def layer_values(
    values: Mapping[str, Mapping[str, Any]],
    overrides: Mapping[str, Any],
    *,
    default_directory: str,
    kind: Kind[Config] = TRAINING,
) -> Config:
    """The configuration from a file's `values` and the command line's `overrides` (dotted option → value).

    A preset among the overrides replaces the strategy section by the preset's, and sets what it names elsewhere; a
    name among them replaces the section of the policy, or of the model, except for what all of them share.

    Raises:
        UserError: any mistake in either.
    """
    explicit = _split_overrides(overrides, kind)
    if "preset" in explicit.get("strategy", {}):
        merged = _replace_strategy(values, explicit["strategy"]["preset"])
    else:
        merged = _over_preset(values, kind)
    if "name" in explicit[kind.named]:
        merged[kind.named] = {k: v for k, v in merged[kind.named].items() if k in kind.shared.model_fields}
    name = explicit[kind.named].get("name", merged[kind.named].get("name", kind.default))
    kind.family(name)  # or its absence would be told as a missing option
    merged[kind.named]["name"] = name
    merged["run"].setdefault("directory", default_directory)
    models = {section: section_class(section, name, kind) for section in kind.sections}
    if issubclass(named := models[kind.named], PolicyConfig):
        merged[kind.named] = named.beneath(merged[kind.named], explicit[kind.named])
    built = {s: build_model(m, merged[s] | _typed(s, m, explicit[s], merged[s]), f"{s}.") for s, m in models.items()}
    return build_model(kind.config, built, "")


def check_sections(source: str | Path, content: Mapping[Any, Any], kind: Kind = TRAINING) -> Sections:
    """The sections in `content`, which was read from `source`, with no option checked yet.

    Raises:
        UserError: if they are those of another kind of run, one is unknown, or holds no options.
    """
    found = kind_of(content)
    if (set(found.sections) - set(kind.sections)) & content.keys():
        raise UserError(f"{str(source)!r} is for another kind of run: use it with `odes-rl {found.command}`")
    for section, options in content.items():
        if section not in kind.sections:
            hint = suggestion(str(section), kind.sections)
            raise UserError(f"{str(source)!r} has an unknown section {section!r}: {hint}")
        if not isinstance(options, dict | None):
            raise UserError(f"{str(source)!r}: section {section} is {options!r}, but must hold options")
    return {s: {str(k): v for k, v in (content.get(s) or {}).items()} for s in kind.sections}


def section_class(section: str, name: str, kind: Kind = TRAINING) -> type[BaseModel]:
    """The class of the options of a `section`, where that of the policy or model is called `name`."""
    annotation = kind.config.model_fields[section].annotation
    assert annotation is not None, section
    return kind.family(name) if section == kind.named else annotation


def _split_overrides(overrides: Mapping[str, Any], kind: Kind) -> Sections:
    explicit: Sections = {section: {} for section in kind.sections}
    for dotted, value in overrides.items():
        section, dot, option = dotted.partition(".")
        if section not in explicit or not dot:
            raise UserError(f"unknown option {dotted}: {suggestion(dotted, _every_option(kind), listing=_help(kind))}")
        explicit[section][option] = value
    return explicit


def _typed(
    section: str, model: type[BaseModel], options: Mapping[str, Any], below: Mapping[str, Any]
) -> dict[str, Any]:
    """`options` of the command line, typed; one like `options.frame_skip` sets an entry of a mapping over `below`."""
    whole = {name: value for name, value in options.items() if not _is_entry(model, name)}
    prefix = f"{section}."
    check_options(model, whole, prefix)
    typed = {k: parse_text(model, k, v, prefix) if isinstance(v, str) else v for k, v in whole.items()}
    for dotted, value in options.items():
        if dotted not in whole:
            name, *path = dotted.split(".")
            held = typed.get(name, below.get(name)) or {}
            held = parse_text(model, name, held, prefix) if isinstance(held, str) else held
            if not isinstance(held, Mapping):
                raise UserError(f"{section}.{name} is {held!r}, but must be a mapping to have {dotted}")
            typed[name] = _with_entry(held, path, parse_entry(f"{section}.{dotted}", value))
    return typed


def _is_entry(model: type[BaseModel], option: str) -> bool:
    name, dot, path = option.partition(".")
    field = model.model_fields.get(name)
    return bool(dot) and all(path.split(".")) and field is not None and get_origin(field.annotation) is Mapping


def _with_entry(held: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    """The mapping `held` with `value` at a path of keys."""
    name, *rest = path
    inner = held.get(name)
    return {**held, name: _with_entry(inner if isinstance(inner, Mapping) else {}, rest, value) if rest else value}


def _over_preset(values: Mapping[str, Mapping[str, Any]], kind: Kind) -> Sections:
    preset = _preset(values.get("strategy", {}).get("preset", "default")) if "strategy" in kind.sections else {}
    return {s: {**preset.get(s, {}), **values.get(s, {})} for s in kind.sections}


def _replace_strategy(values: Mapping[str, Mapping[str, Any]], name: object) -> Sections:
    """The `values` but for their strategy and what its preset would set, under the options of the preset `name`."""
    preset = _preset(name)
    merged = {s: {**values.get(s, {}), **preset.get(s, {})} for s in SECTIONS}
    return {**merged, "strategy": {**preset.get("strategy", {}), "preset": name}}


def _preset(name: object) -> dict[str, dict[str, object]]:
    return PRESETS[check_name("preset", name, PRESETS)]


def _every_option(kind: Kind) -> list[str]:
    return [f"{s}.{option}" for s in kind.sections for option in section_class(s, kind.default, kind).model_fields]


def _help(kind: Kind) -> str:
    return f"`odes-rl {kind.command} --help`"
