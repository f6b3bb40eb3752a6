"""Arguments of the command line: taken apart here, described by tyro. Free of JAX."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, TypeVar, get_origin

import tyro
from pydantic import BaseModel, ConfigDict, create_model
from pydantic.fields import FieldInfo

from odes_rl.errors import UserError, suggestion
from odes_rl.validation import build_model, parse_text

Command = TypeVar("Command", bound=BaseModel)


def flags(model: type[BaseModel]) -> set[str]:
    """The options of a command that are true when they are there without a value."""
    return {name for name, field in model.model_fields.items() if field.annotation is bool}


def split_arguments(arguments: Sequence[str], flags: Collection[str] = ()) -> tuple[list[str], dict[str, str]]:
    """Positional arguments, and options: name without dashes → text. Both `--a.b 1` and `--a.b=1` are read.

    An option among `flags` takes a value only as in `--a=false`.

    Tyro would parse them too, but reports a mistake as a box of many lines; so it only writes the help.

    Raises:
        UserError: an option without a value, or with one dash.
    """
    positional: list[str] = []
    options: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            positional.append(argument)
            continue
        name, equals, value = argument.partition("=")
        flag = name.removeprefix("--").replace("-", "_") in flags
        text = value if equals else "true" if flag else next(rest, None)
        if not name.startswith("--"):
            raise UserError(f"unknown option {name}: options begin with two dashes, as in --strategy.sigma 0.05")
        if text is None or (not equals and text.startswith("--")):
            raise UserError(f"option {name} has no value: write {name} VALUE")
        options[name.removeprefix("--").replace("-", "_")] = text
    return positional, options


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
            for name, section in sections.items()
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
