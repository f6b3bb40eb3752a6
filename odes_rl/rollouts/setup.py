"""What a task is made with, beside its name: options of the environment, and wrappers around it. Free of JAX."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Wrap(NamedTuple):
    """A wrapper by its name, as `WRAPPERS` finds it, and the options that it is called with after the environment."""

    name: str
    options: Mapping[str, Any]


class Setup(NamedTuple):
    """Options of the environment, which go to `gymnasium.make`, and wrappers in the order in which they are applied.

    All are plain values, which workers receive.
    """

    options: Mapping[str, Any] = {}
    wrappers: tuple[Wrap, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the environment is as its name alone makes it."""
        return not (self.options or self.wrappers)

    @property
    def option_names(self) -> list[str]:
        """The names of all options; those in mappings are dotted, as in `task_kwargs.random`."""
        return list(_dotted(self.options))

    @property
    def culprit(self) -> str:
        """The option of a config that messages name where the environment fails."""
        return "task.wrappers" if self.wrappers else "task.options" if self.options else "task.id"

    def words(self, task: str) -> str:
        """The task of that name with what it is made with, for messages."""
        options = f" with options {', '.join(self.option_names)}" if self.options else ""
        wrappers = f" in {', '.join(wrap.name for wrap in self.wrappers)}" if self.wrappers else ""
        return f"{task}{options}{wrappers}"


def _dotted(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, Mapping) and value:
            yield from (f"{name}.{below}" for below in _dotted(value))
        else:
            yield str(name)
