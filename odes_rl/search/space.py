"""The space of a search: options, and the values that each may take."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, Field, model_validator

from odes_rl.config.layering import layer_values, section_class
from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import UserError
from odes_rl.validation import STRICT, build_model

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_SEARCHED = ("task", "policy", "strategy")
"""Sections whose options can be searched: the others hold what the search sets, or what changes no result."""
_MOST_CHECKED = 200
"""Values of an option that are checked one by one; of more only the ends are."""


class Entry(BaseModel):
    """The values that an option may take: a range, or choices."""

    model_config = STRICT

    low: int | float | None = None
    """Least value."""
    high: int | float | None = None
    """Greatest value."""
    log: bool = False
    """Draw the logarithm evenly, not the value."""
    step: int | float | None = Field(default=None, gt=0)
    """Distance between values, counted from `low`."""
    choices: tuple[Any, ...] | None = Field(default=None, min_length=1)
    """The values themselves, in place of a range."""

    @model_validator(mode="after")
    def _check_range(self) -> "Entry":
        if self.choices is not None:
            if self.model_fields_set != {"choices"}:
                raise ValueError("choices are given, and a range too: keep one of them")
            return self
        if self.low is None or self.high is None:
            raise ValueError("give low and high, or choices")
        if self.low >= self.high:
            raise ValueError(f"low is {self.low} and high is {self.high}, but low must be less than high")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low}, but must be greater than 0 where log is true")
        if self.log and self.step is not None:
            raise ValueError("log and step are both given: keep one of them")
        return self


class Parameter(NamedTuple):
    """A searched option.

    Attributes:
        name: dotted, as `strategy.sigma`.
        choices: its values, if they can be counted; None for a range of real numbers.
        low: least value of a range.
        high: greatest value of a range.
        log: whether the logarithm is drawn evenly.
        step: of a range that has one; 1 for whole numbers.
        whole: whether a range is of whole numbers.
    """

    name: str
    choices: tuple[Any, ...] | None = None
    low: float = 0
    high: float = 0
    log: bool = False
    step: float | None = None
    whole: bool = False

    @property
    def size(self) -> int | None:
        """Number of values, None if it takes any in a range."""
        if self.choices is not None:
            return len(self.choices)
        return None if self.step is None else round((self.high - self.low) / self.step) + 1

    @property
    def points(self) -> tuple[Any, ...] | None:
        """All values, None if it takes any in a range."""
        if self.choices is not None or self.size is None:
            return self.choices
        return tuple(_step_from(self.low, self.step or 1, number) for number in range(self.size))

    @property
    def distribution(self) -> "BaseDistribution":
        """As Optuna describes it."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.choices is not None:
            return CategoricalDistribution(self.choices)
        if self.whole:
            return IntDistribution(int(self.low), int(self.high), self.log, int(self.step or 1))
        return FloatDistribution(self.low, self.high, self.log, self.step)


def make_space(space: Mapping[str, Any], base: ExperimentConfig) -> tuple[Parameter, ...]:
    """The parameters in `space` (dotted option → entry), each checked in the config `base`.

    Raises:
        UserError: an option that does not exist or is no part of a search; a range without values, or with values that
            the option does not take.
    """
    parameters = tuple(_parameter(name, entry, base) for name, entry in space.items())
    values = base.model_dump(mode="json")
    for parameter in parameters:
        for value in _checked_values(parameter):
            try:
                layer_values(values, {parameter.name: value}, default_directory="")
            except UserError as error:
                raise UserError(f"space.{parameter.name}: {error}") from None
    return parameters


def grid(parameters: tuple[Parameter, ...]) -> Iterator[dict[str, Any]]:
    """All combinations of the values of `parameters`, one after another; the last parameter changes fastest.

    Raises:
        UserError: if one of them takes any value in a range.
    """
    for parameter in parameters:
        if parameter.points is None:
            raise UserError(
                f"space.{parameter.name}: sampler grid needs values that can be counted: add step, or choices"
            )
    names = [parameter.name for parameter in parameters]
    points = [parameter.points or () for parameter in parameters]
    return (dict(zip(names, values, strict=True)) for values in product(*points))


def _parameter(name: str, entry: Any, base: ExperimentConfig) -> Parameter:
    section, _, option = name.partition(".")
    if section in ("run", "rollouts") or name == "task.id":
        raise UserError(f"space.{name} cannot be searched: give options of the policy, the strategy or the task")
    if isinstance(entry, list):
        entry = {"choices": entry}
    if not isinstance(entry, dict):
        raise UserError(f"space.{name} is {entry!r}, but must be {{low: ..., high: ...}}, or a list of choices")
    given = build_model(Entry, {str(key): value for key, value in entry.items()}, f"space.{name}.")
    if given.choices is not None:
        return Parameter(name, _plain_choices(name, given.choices))
    assert given.low is not None, name
    assert given.high is not None, name
    numbers = [number for number in (given.low, given.high, given.step) if number is not None]
    whole = section in _SEARCHED and _is_whole(section, option, numbers, base)
    step = given.step or (1 if whole and not given.log else None)
    high = given.high
    if step is not None:
        low, last, distance = (Decimal(str(number)) for number in (given.low, given.high, step))
        high = _step_from(given.low, step, int((last - low) // distance))
    return Parameter(name, None, given.low, high, given.log, step, whole)


def _step_from(low: float, step: float, number: int) -> float:
    """`low` and `number` steps, in decimals as they are written: 0.01 + 3 · 0.03 is 0.1."""
    reached = Decimal(str(low)) + number * Decimal(str(step))
    return int(reached) if isinstance(low, int) and isinstance(step, int) else float(reached)


def _plain_choices(name: str, choices: tuple[Any, ...]) -> tuple[Any, ...]:
    for choice in choices:
        if not isinstance(choice, bool | int | float | str | None):
            raise UserError(f"space.{name}: {choice!r} cannot be a choice: give numbers, texts, true, false or null")
    if any(choice in choices[:place] for place, choice in enumerate(choices)):
        raise UserError(f"space.{name}: choices are {list(choices)}, but must differ")
    return choices


def _is_whole(section: str, option: str, numbers: list[int | float], base: ExperimentConfig) -> bool:
    """Whether the option is a whole number; an entry of a mapping is if all `numbers` that its range names are."""
    name, dot, _ = option.partition(".")
    field = section_class(section, base.policy.name).model_fields.get(name)
    if dot:
        return all(isinstance(number, int) for number in numbers)
    kinds = set(_types_in(field.annotation)) if field is not None else set()
    return int in kinds and float not in kinds


def _types_in(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is made of, but for values of a `Literal`."""
    parts = get_args(annotation) if get_origin(annotation) is not Literal else ()
    yield annotation
    for part in parts:
        yield from _types_in(part)


def _checked_values(parameter: Parameter) -> tuple[Any, ...]:
    """All values; of a range with many or any, the ends and, of whole numbers, the one after the first."""
    few = parameter.choices is not None or (parameter.size is not None and parameter.size <= _MOST_CHECKED)
    if few and parameter.points is not None:
        return parameter.points
    second = [parameter.low + int(parameter.step or 1)] if parameter.whole else []
    return (parameter.low, *second, parameter.high)
