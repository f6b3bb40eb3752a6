"""The loggers of one run: opened late, and left out once they fail. Free of JAX."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from odes_rl.errors import UserError, one_line
from odes_rl.loggers import LOGGERS, LoggedRun, Logger, Writer
from odes_rl.runs.metrics import Metrics

_log = logging.getLogger(__name__)


class Loggers:
    """Writes a run's metrics wherever they go beside its own file; a failure is a warning, never more.

    A logger that has failed is left out until the run goes on in another process, which then logs what is missing.
    """

    def __init__(self, path: Path, config: Any, loggers: Sequence[Logger] = ()) -> None:
        """Those that `config` names, and more `loggers`."""
        self.path, self.config, self.more = path, config, tuple(loggers)
        self._writers: dict[str, Writer] | None = None

    def check(self) -> None:
        """Check what the config says of loggers, before anything starts.

        Raises:
            UserError: if one lacks a package, or an option is wrong.
        """
        check_loggers(self.config.run.loggers, self.config.run.logger_options)

    def rewrite(self, lines: list[Metrics]) -> None:
        """Make `lines` what is logged, as far as a logger can forget."""
        self._each(lambda writer: writer.rewrite(lines))

    def append(self, line: Metrics) -> None:
        """Log one more line."""
        self._each(lambda writer: writer.append(line))

    def close(self) -> None:
        """Close those that are open; another line opens them again."""
        if self._writers is not None:
            self._each(lambda writer: writer.close())
        self._writers = None

    def _each(self, act: Callable[[Writer], None]) -> None:
        if self._writers is None:
            self._writers = {}
            for name, logger in self._named().items():
                self._attempt(name, lambda name=name, logger=logger: self._open(name, logger))
        for name, writer in list(self._writers.items()):
            self._attempt(name, lambda writer=writer: act(writer))

    def _open(self, name: str, logger: Logger) -> None:
        assert self._writers is not None
        options = self.config.run.logger_options.get(name, {})
        config = self.config.model_dump(mode="json")
        self._writers[name] = logger.open(LoggedRun(self.path, config, self.config.run.counter, options))

    def _attempt(self, name: str, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            assert self._writers is not None
            self._writers.pop(name, None)
            _log.warning(
                "logger %s failed and is left out (%s: %s); the run goes on, and `odes-rl resume` logs what is missing",
                name,
                type(error).__name__,
                one_line(error),
            )

    def _named(self) -> dict[str, Logger]:
        named = {name: LOGGERS.find(name) for name in self.config.run.loggers}
        return named | {f"{number} of the caller's": logger for number, logger in enumerate(self.more, 1)}


def check_loggers(names: Sequence[str], options: Mapping[str, Any]) -> None:
    """Check that the loggers `names` can be used, with `options` for some of them.

    Raises:
        UserError: if one lacks a package, or an option is wrong.
    """
    for name, values in options.items():
        if name not in names:
            raise UserError(
                f"run.logger_options.{name}: run.loggers does not name it, but {', '.join(names) or 'nothing'}: add it "
                "there, or set run.logger_options without it"
            )
        if not isinstance(values, Mapping):
            raise UserError(f"run.logger_options.{name} is {values!r}, but must hold options")
    for name in names:
        LOGGERS.find(name).check(options.get(name, {}))
