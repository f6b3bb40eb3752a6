"""Arguments of the command line: taken apart here, described by tyro. Free of JAX."""

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import tyro
from pydantic import BaseModel, ConfigDict, create_model
from pydantic.fields import FieldInfo

from odes_rl.errors import UserError, suggestion
from odes_rl.parts import Registry
from odes_rl.validation import OneOf, build_model, parse_text

Command = TypeVar("Command", bound=BaseModel)
WRAPS = tuple[str | Mapping[str, Any], ...]
"""The type of names, with options or without."""


def flags(model: type[BaseModel]) -> set[str]:
    """The options of a command that are true when they are there without a value."""
    return {name for name, field in model.model_fields.items() if field.annotation is bool}


def split_arguments(
    arguments: Sequence[str], flags: Collection[str] = (), lists: Collection[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """Positional arguments, and options: name without dashes → text. Both `--a.b 1` and `--a.b=1` are read.

    An option among `flags` needs no value, but takes `true` or `false`; one among `lists` takes all words up to the
    next option, or all numbers if it begins with one, and several of them become the text of a list, as `parse_text`
    reads it.

    Tyro would parse them too, but reports a mistake as a box of many lines; so it only writes the help.

    Raises:
        UserError: an option without a value, or with one dash.
    """
    positional: list[str] = []
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("-") or _is_number(argument):
            positional.append(argument)
            continue
        name, equals, value = argument.partition("=")
        if not name.startswith("--"):
            raise UserError(f"unknown option {name}: options begin with two dashes, as in --strategy.sigma 0.05")
        option = name.removeprefix("--").replace("-", "_")
        following = [] if equals else _values(rest, flag=option in flags, many=option in lists)
        rest = rest[len(following) :]
        words = [value] if equals else following or ["true"] * (option in flags)
        if not words:
            raise UserError(f"option {name} has no value: write {name} VALUE")
        options[option] = words[0] if len(words) == 1 else json.dumps(words, ensure_ascii=False)
    return positional, options


def _values(rest: Sequence[str], *, flag: bool, many: bool) -> list[str]:
    """The words at the beginning of `rest` that are an option's."""
    if many and _is_number(next(iter(rest), "")):
        return list(takewhile(_is_number, rest))
    if many:
        return list(takewhile(lambda word: not word.startswith("-"), rest))
    return [word for word in rest[:1] if (word.lower() in ("true", "false") if flag else not word.startswith("--"))]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def list_options(model: type[BaseModel]) -> set[str]:
    """The options of `model` that hold several values."""
    return {name for name, field in model.model_fields.items() if get_origin(field.annotation) is tuple}


def parse_command(model: type[Command], positional: Sequence[str], options: Mapping[str, str]) -> Command:
    """An instance of `model`, whose positional fields come in their order; a tuple takes all that are left.

    Raises:
        UserError: an argument too few or too many, an unknown option, a wrong type.
    """
    values: dict[str, Any] = {}
    left = list(positional)
    for name, field in positional_fields(model).items():
        if not left and not field.is_required():
            continue
        if not left:
            raise UserError(f"{name.upper()} is missing: {usage(model)}")
        many = get_origin(field.annotation) is tuple
        values[name], left = (tuple(left), []) if many else (left[0], left[1:])
    if left:
        raise UserError(f"unexpected argument {left[0]!r}: {usage(model)}")
    allowed = {spelled(name): name for name in model.model_fields if name not in positional_fields(model)}
    for name in map(spelled, options):
        if name not in allowed:
            raise UserError(f"unknown option --{name}: {suggestion(name, allowed) or usage(model)}")
    values |= {name: parse_text(model, name, text) for name, text in options.items()}
    return build_model(model, values)


def usage(model: type[BaseModel]) -> str:
    """How a command is written, in one line."""
    words = [
        name.upper() if field.is_required() else f"[{name.upper()}]" for name, field in positional_fields(model).items()
    ]
    return " ".join(["the command is: odes-rl", model.__name__.lower(), *words, "[--option value ...]"])


def spelled(option: str) -> str:
    """How an option is written on the command line, where underscores are read, too."""
    return option.replace("_", "-")


def positional_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The required fields, and those that are annotated as positional."""
    return {
        name: field
        for name, field in model.model_fields.items()
        if field.is_required() or tyro.conf.Positional in field.metadata
    }


def print_help(
    model: Any, prog: str, description: str | None = None, *, sections: Mapping[str, BaseModel] | None = None
) -> None:
    """Print the help of a command, or of several if `model` is a union of them.

    `sections` are shown as dotted options, with the values they hold as defaults.
    """
    if sections:  # the fields' own names must not clash with the command's, of which one may be called `run`
        fields: Any = {
            f"section_{name}": (Annotated[type(section), tyro.conf.arg(name=name)], section)
            for name, section in ((name, _with_choices_shown(section)) for name, section in sections.items())
        }
        model = create_model(model.__name__, __base__=model, __doc__=model.__doc__, **fields)
    markers = (
        tyro.conf.FlagConversionOff,
        tyro.conf.PositionalRequiredArgs,
        tyro.conf.PositionalMetavarFromFieldName,
    )
    with suppress(SystemExit):
        tyro.cli(model, prog=prog, description=description, args=["--help"], config=markers)


def subset(section: BaseModel, options: Sequence[str]) -> BaseModel:
    """A model of only some `options` of a `section`, with its values and descriptions."""
    fields: Any = {
        name: (field.annotation, field) for name, field in type(section).model_fields.items() if name in options
    }
    model = create_model(type(section).__name__, __doc__=type(section).__doc__, __config__=ConfigDict(), **fields)
    return model.model_validate({name: getattr(section, name) for name in options})


def _with_choices_shown(section: BaseModel) -> BaseModel:
    """`section`, whose help says how to write what tyro does not know: lists, mappings, and names of parts."""
    fields: Any = {
        name: (Annotated[_shown_type(field), tyro.conf.arg(metavar=words)], field)
        for name, field in type(section).model_fields.items()
        if (words := _words(field))
    }
    if not fields:
        return section
    model = create_model(type(section).__name__, __base__=type(section), __doc__=type(section).__doc__, **fields)
    shown: Any = {n: _shown(type(section).model_fields[n], value) for n, value in dict(section).items()}
    return model.model_construct(**shown)


def _shown_type(field: FieldInfo) -> Any:
    """The type that tyro is told of: one that it knows."""
    if _is_mapping(field):
        return str
    return tuple[str, ...] if field.annotation == WRAPS else field.annotation


def _shown(field: FieldInfo, value: Any) -> Any:
    if field.annotation == WRAPS:
        return tuple(str(dict(entry)) if isinstance(entry, Mapping) else entry for entry in value)
    return str(value) if isinstance(value, Mapping) else value


def _words(field: FieldInfo) -> str | None:
    if choices := _choices(field.metadata):
        return choices
    if _is_mapping(field):
        return "{NAME: VALUE, ...}"
    return _list_words(field.annotation) if get_origin(field.annotation) is tuple else None


def _choices(metadata: Sequence[Any]) -> str | None:
    for table in metadata:
        if isinstance(table, Registry | OneOf):
            return "{" + ",".join([*table.names, *["MODULE:OBJECT"] * isinstance(table, Registry)]) + "}"
    return None


def _is_mapping(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is Mapping


def _list_words(annotation: Any) -> str:
    """How a value of a tuple is written: `FLOAT FLOAT` of two numbers, `INT [...]` of one or more."""
    entries = [entry for entry in get_args(annotation) if entry is not Ellipsis]
    words = " ".join(map(_entry_words, entries))
    return f"{words} [...]" if Ellipsis in get_args(annotation) else words


def _entry_words(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _choices(get_args(annotation)[1:]) or _entry_words(get_args(annotation)[0])
    if origin is tuple:
        return _list_words(annotation)
    if origin is Literal:
        return "{" + ",".join(map(str, get_args(annotation))) + "}"
    return {int: "INT", float: "FLOAT"}.get(annotation, "STR")
