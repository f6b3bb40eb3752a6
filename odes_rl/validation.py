"""Typed models from plain mappings; every mistake becomes one line. Free of JAX."""

import types
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from odes_rl.errors import UserError, nearest, one_line, suggestion
from odes_rl.yaml_text import parse_yaml

Model = TypeVar("Model", bound=BaseModel)
STRICT = ConfigDict(
    frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, ser_json_inf_nan="constants"
)
"""The settings of every model of options: unknown options and numbers that are not finite are mistakes.

Numbers in mappings, such as the options of an environment, may be infinite."""
_ALLOWED = {
    "float_parsing": "a number",
    "float_type": "a number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "text that is not empty",
}
"""Pydantic's names of a wrong type, in words."""
_NOTHING = ("none", "null", "~")
"""Texts that empty an option."""
_EMPTY = {Mapping: dict, tuple: list}
"""Options of several values, and what they are without any."""


class OneOf:
    """`Annotated[str, OneOf(table)]` is the type of an option that takes one of the table's names."""

    def __init__(self, names: Iterable[str]) -> None:
        """The `names`, in their order."""
        self.names = list(names)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema(self.names)


def check_options(model: type[BaseModel], values: Mapping[str, Any], prefix: str = "") -> None:
    """Check that all names among `values` are fields of `model`; `prefix` stands before names in messages.

    Raises:
        UserError: if one is not; names the nearest.
    """
    for option in values:
        if option not in model.model_fields:
            names = [prefix + field for field in model.model_fields]
            hint = suggestion(f"{prefix}{option}", names) or "there are none"
            raise UserError(f"unknown option {prefix}{option}: {hint}")


def build_model(model: type[Model], values: Mapping[str, Any], prefix: str = "") -> Model:
    """An instance of `model` from `values`; `prefix` (as in `strategy.`) stands before names in messages.

    Raises:
        UserError: an unknown option, a wrong type, a value out of range, a missing one.
    """
    check_options(model, values, prefix)
    texts = {
        name: parse_text(model, name, "none" if value is None else value, prefix)
        for name, value in values.items()
        if isinstance(value, str) or (value is None and get_origin(model.model_fields[name].annotation) in _EMPTY)
    }
    try:
        return model.model_validate({**values, **texts})
    except ValidationError as error:
        details: list[dict[str, Any]] = [dict(detail) for detail in error.errors()]
        entries = {detail["loc"][:-1] for detail in details}
        told = [d for d in details if d["type"] != "too_short" or d["loc"] not in entries]  # wrong ones are not counted
        raise UserError("; ".join(_mistakes(model, prefix, told))) from None


def parse_text(model: type[BaseModel], option: str, text: str, prefix: str = "") -> Any:
    """A value given as text: None for `none` and numbers as in YAML, where the option takes them; else the text itself.

    `none` empties an option of several values too. A mapping is written as in `{a: 1}`. Where the option holds several
    values, `[a, b]` is a list of them, and any other text a list of one; a flat list is cut into pairs where the values
    are pairs. `prefix` as in `build_model`.

    Raises:
        UserError: if it is no mapping where it should be one, or a list has no end.
    """
    annotation = model.model_fields[option].annotation
    if text.lower() in _NOTHING and (empty := _EMPTY.get(get_origin(annotation))) is not None:
        return empty()
    if get_origin(annotation) is Mapping:
        return _mapped(prefix + option, text)
    if get_origin(annotation) is tuple:
        return _grouped(annotation, _listed(prefix + option, text))
    choices = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else ()
    if type(None) in choices and text.lower() in _NOTHING:
        return None
    return _number(text) if _takes_numbers(annotation) else text


def parse_entry(option: str, value: Any) -> Any:
    """The value of one entry of a mapping; text is read as YAML.

    Raises:
        UserError: if it is not YAML.
    """
    try:
        return parse_yaml(value) if isinstance(value, str) else value
    except UserError as error:
        raise UserError(f"{option} is {value!r}: {error}") from None


def check_seeds(name: str, seeds: Any) -> None:
    """Check that `seeds`, the option `name`, are a number of seeds or distinct ones.

    Raises:
        ValueError: if they are not.
    """
    listed = range(seeds) if isinstance(seeds, int) else seeds
    whole = isinstance(listed, range | list | tuple) and all(type(seed) is int for seed in listed)
    if not whole or not listed or min(listed) < 0 or max(listed) >= 2**31 or len(set(listed)) < len(listed):
        raise ValueError(f"{name} is {seeds}, but must be a number ≥ 1, or distinct ones from 0 to 2³¹ − 1")


def plain(value: Any, name: str) -> Any:
    """`value` as YAML holds it: mappings, lists, text, numbers, booleans and None; NumPy's become Python's own.

    Raises:
        ValueError: if it holds something else, or itself; `name` stands before it in the message.
    """
    try:
        return _plain(value, name)
    except RecursionError:
        raise ValueError(f"{name} holds itself, or too many levels") from None


def _plain(value: Any, name: str) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            raise ValueError(f"{name} has the key {wrong[0]!r}, but keys must be text")
        return {key: _plain(below, f"{name}.{key}") for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry, name) for entry in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ValueError(
        f"{name} is {value!r}, of type {type(value).__name__}, but must be plain: text, numbers, lists or mappings"
    )


def _takes_numbers(annotation: Any) -> bool:
    return annotation in (int, float) or any(map(_takes_numbers, get_args(annotation)))


def _number(text: str) -> Any:
    """The number that `text` is in YAML, as in `3e6`; the text itself if it is none."""
    with suppress(UserError):
        value = parse_yaml(text)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
    return text


def _mapped(option: str, text: str) -> Mapping[Any, Any]:
    with suppress(UserError):
        if isinstance(values := parse_yaml(text), dict):
            return values
    raise UserError(f"{option} is {text!r}, which is not a mapping: write it as in '{{name: value}}'")


def _listed(option: str, text: str) -> list[Any]:
    if not text.startswith("["):
        return [text]
    try:
        return parse_yaml(text)
    except UserError:
        raise UserError(f"{option} is {text!r}, which is not a list: write it as in '[1, 2]'") from None


def _grouped(annotation: Any, values: list[Any]) -> list[Any]:
    """`values`, in groups where `annotation` is a tuple of tuples and they are not grouped yet."""
    inner = get_args(annotation)[0]
    if get_origin(inner) is not tuple or any(isinstance(value, list) for value in values):
        return values
    size = len(get_args(inner))
    return [values[start : start + size] for start in range(0, len(values), size)]


def _mistakes(model: type[BaseModel], prefix: str, details: Iterable[Mapping[str, Any]]) -> list[str]:
    """A text for each mistake; where none of several types takes a value, one that has them all."""
    told: list[str] = []
    allowed: dict[str, list[str]] = {}
    for detail in details:
        option = str(detail["loc"][0]) if detail["loc"] else ""
        if not (option in model.model_fields and _is_union(model.model_fields[option].annotation)):
            told.append(_explain(prefix, detail))
            continue
        wanted = allowed.setdefault(f"{prefix}{option} is {detail['input']!r}", [])
        wanted.append(_allowed(detail))
    return told + [f"{value}, but must be {' or '.join(wanted)}" for value, wanted in allowed.items()]


def _is_union(annotation: Any) -> bool:
    """Whether it has several types, None not counted; pydantic then tells what each of them wants."""
    choices = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else ()
    return len([choice for choice in choices if choice is not type(None)]) > 1


def _allowed(detail: Mapping[str, Any]) -> str:
    return _ALLOWED.get(detail["type"], one_line(detail["msg"]).removeprefix("Input should be "))


def _explain(prefix: str, detail: Mapping[str, Any]) -> str:
    name = prefix + ".".join(map(str, detail["loc"]))
    message = one_line(detail["msg"])
    if detail["type"] == "missing":
        return f"{name} is missing"
    if detail["type"] == "value_error":
        return ": ".join(filter(None, (name.rstrip("."), message.removeprefix("Value error, "))))
    if detail["type"] in ("too_short", "too_long"):
        return f"{name} is {detail['input']!r}, but must be {_counted(detail)}"
    if detail["type"] == "string_type" and isinstance(detail["input"], int | float):
        return f"{name} is {detail['input']!r}, but must be text: in quotes, '{detail['input']}', it is"
    return f"{name} is {detail['input']!r}, but must be {_allowed(detail)}{_guess(detail)}"


def _counted(detail: Mapping[str, Any]) -> str:
    if detail["type"] == "too_long":
        return f"no more than {detail['ctx']['max_length']} values"
    count = detail["ctx"]["min_length"]
    return "at least one value" if count == 1 else f"at least {count} values"


def _guess(detail: Mapping[str, Any]) -> str:
    if detail["type"] != "literal_error":
        return ""
    allowed = str(detail["ctx"]["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
    guess = nearest(str(detail["input"]), allowed)
    return f"; did you mean {guess!r}?" if guess else ""
