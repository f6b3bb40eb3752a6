"""The directory of a run, of training or of fitting: config, metrics, checkpoints, and what is logged elsewhere."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Self

from odes_rl.config.layering import TRAINING, Config, Kind, kind_of, load_config
from odes_rl.errors import StorageError, UserError
from odes_rl.loggers import Logger
from odes_rl.runs.checkpoints import Checkpoints
from odes_rl.runs.files import (
    CHECKPOINTS,
    CONFIG,
    FULL,
    LAUNCHES,
    METRICS,
    require_run,
    resume_command,
    write_yaml,
    writing_to,
)
from odes_rl.runs.lock import only_trainer
from odes_rl.runs.logging_to import Loggers
from odes_rl.runs.metrics import Metrics, format_line, plain_metrics, read_metrics, write_metrics
from odes_rl.yaml_text import read_yaml


class RunDirectory(Generic[Config]):
    """The only writer of a run. Get one from `create` or `open`; a context manager.

    Attributes:
        path: the directory.
        config: the configuration recorded in it, with the overrides of `open`.
        checkpoints: the run's checkpoints.
        loggers: write the metrics elsewhere.
    """

    def __init__(self, path: str | Path, config: Config, loggers: Sequence[Logger] = ()) -> None:
        self.path = Path(path)
        self.config = config
        self.checkpoints = Checkpoints(self.path / CHECKPOINTS, keep=config.run.keep_checkpoints)
        self._counter = config.run.counter
        self.loggers = Loggers(self.path, config, loggers)

    @classmethod
    def create(cls, path: str | Path, config: Config, loggers: Sequence[Logger] = ()) -> Self:
        """A new run at `path`, with its `config.yaml` written; `loggers` are used beside those of the config.

        Raises:
            UserError: if a run is there already, `path` cannot be a directory, or a logger lacks a package.
            StorageError: if the disk is full, or nothing can be written at `path`.
        """
        directory = Path(path)
        created = cls(directory, config, loggers)
        created.loggers.check()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with only_trainer(directory):  # or two that start at once would both find it empty
                _refuse_a_run(directory)
                write_yaml(directory / CONFIG, config.model_dump(mode="json"))
        except OSError as error:
            kind = StorageError if error.errno in FULL else UserError
            raise kind(f"cannot write a run to {str(path)!r}: {error.strerror}") from None
        return created

    @classmethod
    def open(
        cls, path: str | Path, overrides: Mapping[str, Any] | None = None, kind: Kind[Config] = TRAINING
    ) -> "RunDirectory[Config]":
        """The run at `path`, of that kind; `overrides` (dotted option → value) change its config.

        Nothing is written before `cut_back`, which writes the config down as overridden.

        Raises:
            UserError: if there is no run, or one of another kind, or its config or an override is wrong.
        """
        directory = require_run(path)
        return RunDirectory(directory, load_config(directory / CONFIG, overrides, kind))

    def has_progress(self) -> bool:
        """Whether there is something to continue: a checkpoint, or metrics that one should belong to."""
        started = any(line[self._counter] > 0 for line in self.metrics())
        return started or self.checkpoints.latest_generation() is not None

    def check_begun(self) -> None:
        """Check that the run has a checkpoint.

        Raises:
            UserError: if the run was interrupted before it had saved anything.
        """
        if not self.has_progress():
            raise UserError(f"{str(self.path)!r} has no checkpoint yet: start it with `{resume_command(self.path)}`")

    def metrics(self) -> list[Metrics]:
        """All whole lines of the metrics, oldest first."""
        return read_metrics(self.path / METRICS)

    def append_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write a generation's or an epoch's `metrics` (with its number among them) to `metrics.jsonl`, and log them.

        Raises:
            StorageError: if they cannot be written; the last line may be torn then, until `cut_back`.
        """
        with writing_to(self.path), (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(format_line(metrics))
        self.loggers.append(plain_metrics(metrics))

    def launches(self) -> list[dict[str, Any]]:
        """How training began, and how it went on after each resumption, oldest first."""
        return read_metrics(self.path / LAUNCHES)

    def append_launch(self, launch: Mapping[str, Any]) -> None:
        """Write to `launches.jsonl` how training goes on, from which generation or epoch.

        Launches that began there or later have left nothing behind, and are forgotten.

        Raises:
            StorageError: if it cannot be written.
        """
        kept = [line for line in self.launches() if line[self._counter] < launch[self._counter]]
        with writing_to(self.path):
            write_metrics(self.path / LAUNCHES, [*kept, dict(launch)])

    def cut_back(self, last: int, forgotten: Collection[str] = ()) -> None:
        """Forget the metrics of all generations, or epochs, after the `last`, and a torn last line.

        The `last` one loses the metrics that are `forgotten`. From here on the run goes its way under `config`, so
        that is written too.

        Raises:
            StorageError: if they cannot be written.
        """
        kept = [line for line in self.metrics() if line[self._counter] <= last]
        if kept and kept[-1][self._counter] == last:
            kept[-1] = {name: value for name, value in kept[-1].items() if name not in forgotten}
        with writing_to(self.path):
            write_yaml(self.path / CONFIG, self.config.model_dump(mode="json"))
        self._rewrite(kept)

    def amend_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write `metrics` in place of the last line.

        Raises:
            StorageError: if they cannot be written.
        """
        self._rewrite([*self.metrics()[:-1], plain_metrics(metrics)])

    def _rewrite(self, lines: list[Metrics]) -> None:
        with writing_to(self.path):
            write_metrics(self.path / METRICS, lines)
        self.loggers.rewrite(lines)

    def close(self) -> None:
        """Close the loggers. The next `append_metrics` opens them again."""
        self.loggers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def recorded_kind(path: str | Path) -> Kind:
    """The kind of the run at `path`.

    Raises:
        UserError: if there is no run.
    """
    return kind_of(read_yaml(require_run(path) / CONFIG))


def _refuse_a_run(directory: Path) -> None:
    if any((directory / name).exists() for name in (CONFIG, METRICS, CHECKPOINTS)):
        raise UserError(
            f"{str(directory)!r} already holds a run: continue it with `{resume_command(directory)}`, "
            "or give another --run.directory"
        )
