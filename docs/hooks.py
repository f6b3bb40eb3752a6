"""Fills the tables of options in the pages from the configuration classes."""

import re
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from odes_rl.config import resumable
from odes_rl.config.layering import FITTING, TRAINING, Kind, section_class
from odes_rl.es.config import PRESETS
from odes_rl.loggers.mlflow_runs import MlflowOptions
from odes_rl.loggers.weights_and_biases import WandbOptions
from odes_rl.parts import Registry
from odes_rl.policies import POLICIES
from odes_rl.search.config import SearchConfig
from odes_rl.supervised.models import MODELS
from odes_rl.validation import OneOf

_MARKER = re.compile(r"^\{\{ (\w+)(?: (\w+))? \}\}$", re.MULTILINE)
_NAMES = {
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    str: "text",
    type(None): "`none`",
}
_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace each line `{{ kind name }}` of a page by what it stands for; MkDocs calls this."""
    return _MARKER.sub(lambda match: _FILLERS[match[1]](*filter(None, match.groups()[1:])), markdown)


def section_table(section: str, kind: Kind = TRAINING) -> str:
    """The options of a `section`; of `policy` or `model` those that all share."""
    model = kind.shared if section == kind.named else section_class(section, kind.default, kind)
    return options_table(section, model, list(model.model_fields), kind)


def fitting_table(section: str) -> str:
    """The options of a `section` of a supervised run."""
    return section_table(section, FITTING)


def policy_tables() -> str:
    """A heading and a table for each policy, of the options that not all share."""
    return "\n\n".join(_family_table(name, TRAINING) for name in POLICIES)


def model_tables() -> str:
    """A heading and a table for each supervised model."""
    return "\n\n".join(_family_table(name, FITTING) for name in MODELS)


def preset_table() -> str:
    """What each preset sets."""
    rows = [
        (f"`{name}`", f"`{section}.{option}`", f"`{_text(value)}`")
        for name, sections in PRESETS.items()
        for section, options in sections.items()
        for option, value in options.items()
    ]
    empty = [(f"`{name}`", "nothing", "") for name, sections in PRESETS.items() if not sections]
    return _table(("Preset", "Option", "Value"), [*empty, *rows])


def resumable_options(kind: str) -> str:
    """The options that a resumed run may change, `training` or `fitting`."""
    sections = {"training": resumable.TRAINING, "fitting": resumable.FITTING}[kind]
    return ", ".join(f"`{option}`" for option in resumable.dotted(sections)) + "."


def options_table(section: str, model: type[BaseModel], options: list[str], kind: Kind = TRAINING) -> str:
    """A table of some `options` of a `model`: name, type, default, meaning."""
    rows = [
        (
            f"`{section}.{name}`",
            _type_text(field),
            _default_text(section, name, field, kind),
            _meaning(field),
        )
        for name, field in model.model_fields.items()
        if name in options
    ]
    return _table(("Option", "Type", "Default", "Meaning"), rows)


def _family_table(name: str, kind: Kind) -> str:
    model = kind.family(name)
    own = [option for option in model.model_fields if option not in kind.shared.model_fields]
    table = options_table(kind.named, model, own, kind) if own else "It has only the shared options."
    return f"### `{name}`\n\n{(model.__doc__ or '').splitlines()[0]}\n\n{table}"


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def _default_text(section: str, name: str, field: FieldInfo, kind: Kind) -> str:
    if field.is_required():
        defaults = {f"{kind.named}.name": f"`{kind.default}`", "run.directory": "`runs/<name of the config file>`"}
        return defaults.get(f"{section}.{name}", "required")
    return f"`{_text(field.default)}`"


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _type_text(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {getattr(bound, attribute)}"
        for bound in field.metadata
        for attribute, sign in _BOUNDS.items()
        if hasattr(bound, attribute)
    ]
    return ", ".join([_choice_text(field.metadata) or _annotation_text(field.annotation), *bounds])


def _choice_text(metadata: Sequence[Any]) -> str:
    """The names to choose from, of a part or of a table."""
    for table in metadata:
        if isinstance(table, Registry | OneOf):
            own = ["`module:object`"] if isinstance(table, Registry) else []
            names = table if isinstance(table, Registry) else table.names  # built in, whatever is installed
            return " or ".join([*(f"`{name}`" for name in names), *own])
    return ""


def _annotation_text(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        kind, *metadata = get_args(annotation)
        return _choice_text(metadata) or _annotation_text(kind)
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(_annotation_text(choice) for choice in get_args(annotation))
    if get_origin(annotation) is Mapping:
        return "mapping"
    if get_origin(annotation) is tuple:
        return f"list of: {_annotation_text(get_args(annotation)[0])}"
    return _NAMES.get(annotation, str(annotation))


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def search_table() -> str:
    """The options of a search that its page does not explain."""
    names = [name for name in SearchConfig.model_fields if name not in ("directory", "base", "space")]
    return _options(SearchConfig, names)


def logger_table(name: str) -> str:
    """The options of a logger."""
    model = {"wandb": WandbOptions, "mlflow": MlflowOptions}[name]
    return _options(model, list(model.model_fields))


def _options(model: type[BaseModel], names: list[str]) -> str:
    rows = [
        (
            f"`{name}`",
            _type_text(field),
            "required" if field.is_required() else f"`{_text(field.default)}`",
            _meaning(field),
        )
        for name, field in model.model_fields.items()
        if name in names
    ]
    return _table(("Option", "Type", "Default", "Meaning"), rows)


_FILLERS: dict[str, Callable[..., str]] = {
    "section": section_table,
    "policies": policy_tables,
    "fitting": fitting_table,
    "models": model_tables,
    "presets": preset_table,
    "resumable": resumable_options,
    "search": search_table,
    "logger": logger_table,
}
