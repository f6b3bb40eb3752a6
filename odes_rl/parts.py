"""Parts by name: built in, of an installed package, or `module:object`. Free of JAX."""

import importlib
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from operator import attrgetter
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from odes_rl.errors import UserError, nearest, raised, suggestion
from odes_rl.extras import install, lacking

if TYPE_CHECKING:  # workers need no pydantic
    from pydantic import BaseModel, GetCoreSchemaHandler
    from pydantic_core import CoreSchema

Part = TypeVar("Part")
AnyFamily = TypeVar("AnyFamily", bound="Family")


class Registry(Mapping[str, Part], Generic[Part]):
    """All parts of one kind, as configs name them; as a mapping, those that are built in.

    A name is that of a built-in part, that of an entry point `[project.entry-points."odes_rl.GROUP"]` of an installed
    package, or `module:object`. Entry points are read when they are first needed. `Annotated[str, registry]` is the
    type of an option that names a part.
    """

    def __init__(self, kind: str, group: str, type_: type[Part], built_in: Mapping[str, Part]) -> None:
        """Parts of `type_`, which messages call `kind`, as in "act rule"."""
        self.kind, self.group, self._type, self._built_in = kind, f"odes_rl.{group}", type_, dict(built_in)

    def __getitem__(self, name: str) -> Part:
        return self._built_in[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._built_in)

    def __len__(self) -> int:
        return len(self._built_in)

    def __hash__(self) -> int:
        return hash(self.group)

    @cached_property
    def plug_ins(self) -> dict[str, EntryPoint]:
        """The entry points of installed packages, by their names."""
        found = {point.name: point for point in entry_points(group=self.group)}
        return {name: found[name] for name in sorted(found) if name not in self._built_in}

    @property
    def names(self) -> list[str]:
        """The names of what is built in, and then those of installed packages' parts."""
        return [*self._built_in, *self.plug_ins]

    def find(self, name: object) -> Part:
        """The part of that name.

        Raises:
            UserError: if there is none, its module cannot be imported, or it is of another type.
        """
        if isinstance(name, str) and name in self._built_in:
            return self._built_in[name]
        if isinstance(name, str) and ":" in name:
            return self._checked(repr(name), name)
        if not isinstance(name, str) or name not in self.plug_ins:
            listing = f"`odes-rl list {self.group.partition('.')[2]}`"
            fix = "" if nearest(str(name), self.names) else "; if a package offers it, install that package"
            raise UserError(f"unknown {self.kind} {name!r}: {suggestion(str(name), self.names, listing=listing)}{fix}")
        point = self.plug_ins[name]
        package = f" of the package {point.dist.name}" if point.dist else ""
        return self._checked(f"{name!r}{package}", point.value)

    def find_each(self) -> dict[str, Part]:
        """All parts that have a name, built in and of installed packages."""
        return {name: self.find(name) for name in self.names}

    def _checked(self, label: str, place: str) -> Part:
        """The object that `place`, a `module:object`, names."""
        module_name, _, path = place.partition(":")
        module = load_module(f"{self.kind} {label}", module_name)
        try:
            part = attrgetter(path)(module)
        except AttributeError:
            held = [entry for entry, value in vars(module).items() if isinstance(value, self._type)]
            hint = suggestion(path, held) or f"it holds no {self._type.__name__}"
            home = getattr(module, "__file__", None) or "built in"
            raise UserError(f"{self.kind} {label}: the module {module_name} ({home}) has no {path!r}; {hint}") from None
        if not isinstance(part, self._type):
            wanted = self._type.__name__
            raise UserError(f"{self.kind} {label} is of type {type(part).__name__}, but must be of type {wanted}")
        return part

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self._existing, handler(source))

    def _existing(self, name: str) -> str:
        try:
            self.find(name)
        except UserError as error:
            raise ValueError(str(error)) from error
        return name


class Family(Protocol):
    """A part whose options have its name, as policies' families."""

    @property
    def config(self) -> "type[BaseModel]":
        """The class of its options."""
        ...


def by_name(*families: AnyFamily) -> dict[str, AnyFamily]:
    """The families by the names that their options have by default."""
    return {family.config.model_fields["name"].default: family for family in families}


def load_module(what: str, name: str) -> ModuleType:
    """The module of that name, from the current directory or from what is installed.

    Raises:
        UserError: if there is none, or it raises as it is imported; `what` names who asked for it.
    """
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise UserError(f"{what}: the module {name!r} cannot be imported: {_reason(name, error)}") from error


def _reason(name: str, error: BaseException) -> str:
    if (missing := lacking(error)) is not None:
        return f"{missing} is not installed: {install(missing)}"
    if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
        return f"there is no {error.name!r} in the current directory, {os.getcwd()}, nor among what is installed"
    return raised(error)
