"""What a logger is."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

Line = Mapping[str, Any]
"""Metrics of a generation or an epoch: name → number, or None if not finite."""


class LoggedRun(NamedTuple):
    """A run, as loggers see it.

    Attributes:
        path: its directory.
        config: section → option → value.
        counter: the metric that numbers the lines, "generation" or "epoch".
        options: those of the logger, from `run.logger_options`.
    """

    path: Path
    config: Mapping[str, Mapping[str, Any]]
    counter: str
    options: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The last part of its path; three of a run of a comparison or a search, as `Hopper-v5/linear/seed_0`."""
        parts = self.path.absolute().parts
        return "/".join(parts[-3:]) if parts[-1].startswith("seed_") else parts[-1]


class Writer(Protocol):
    """Writes the metrics of one run. What it raises becomes a warning, and training goes on without it."""

    def rewrite(self, lines: Sequence[Line]) -> None:
        """Make `lines` what is logged of the run: called first, and when the run has forgotten some or changed one.

        A writer that cannot remove anything writes what is missing.
        """
        ...

    def append(self, line: Line) -> None:
        """Write one more line."""
        ...

    def close(self) -> None:
        """Finish writing; the process may end now."""
        ...


class Logger(NamedTuple):
    """One entry of the registry.

    Attributes:
        open: `open(run) -> writer`, called when training starts or goes on.
        about: one sentence for `odes-rl list loggers`.
        check: `check(options)`, called before anything starts: raises UserError if a package is missing, or an option
            is wrong.
    """

    open: Callable[[LoggedRun], Writer]
    about: str = ""
    check: Callable[[Mapping[str, Any]], None] = lambda options: None
