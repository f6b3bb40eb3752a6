"""Checkpoints: atomic, free of pickle, checked byte for byte before they are believed."""

import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

from odes_rl.errors import StorageError, UserError
from odes_rl.runs.archive import DamagedArchiveError, read_archive, write_archive
from odes_rl.runs.files import writing_to

State = TypeVar("State")
_NAME = re.compile(r"(\d{8})\.(\d+)")
_log = logging.getLogger(__name__)


class Checkpoints:
    """The last `keep` checkpoints of a run in `directory`, and its best one in `directory`/best.

    Earlier best ones stay beside it as long as a run may go back to a checkpoint of their time.

    A checkpoint is a directory `<generation>.<attempt>`, written beside and renamed into place: a kill at any
    byte leaves the earlier ones as they were.
    """

    def __init__(self, directory: str | Path, keep: int = 3) -> None:
        self.directory = Path(directory)
        self.keep = keep
        self._best = self.directory / "best"
        self._damaged: set[Path] = set()

    def save(self, generation: int, state: Any) -> None:
        """Save `state`, a pytree of arrays, in place of what was there for `generation` and any later one.

        Later ones are of a course of training that a resumed run left behind. Those that `restore` found damaged go
        too, and do not count among the kept.

        Raises:
            StorageError: if it cannot be written; what was there stays.
        """
        with writing_to(self.directory):
            saved = _save(self.directory, generation, state)
            usable = [path for path in _checkpoints(self.directory) if path not in self._damaged]
            earlier = {_order(path)[0]: path for path in usable if _order(path)[0] < generation}
            _remove_all_but(self.directory, [*earlier.values(), saved][-self.keep :])

    def save_before_leaving(self, generation: int, state: Any, cause: BaseException) -> None:
        """Save `state`, or say that it cannot be; not again, if that is the `cause` of leaving."""
        try:
            self.save(generation, state)
        except StorageError as error:
            if not isinstance(cause, StorageError):
                last = self.latest_generation()
                _log.warning("checkpoint %d cannot be saved: %s; the last one is %s", generation, error, last)

    def save_best(self, generation: int, state: Any, *, keep_earlier: bool = False) -> None:
        """Save `state` as the best so far. With `keep_earlier` all earlier ones stay, for `forget_best` to go back to.

        Raises:
            StorageError: if it cannot be written; what was there stays.
        """
        with writing_to(self._best):
            saved = _save(self._best, generation, state)
            earlier = [path for path in _checkpoints(self._best) if _order(path)[0] < generation]
            kept = earlier if keep_earlier else self._still_best(earlier)
            _remove_all_but(self._best, [*kept, saved])

    def _still_best(self, paths: list[Path]) -> list[Path]:
        """Those of the best checkpoints at `paths`, in order, that are the newest as of a checkpoint of the run."""
        times = [_order(path)[0] for path in _checkpoints(self.directory)]
        until = [[path for path in paths if _order(path)[0] <= time] for time in times]
        return [before[-1] for before in until if before]

    def forget_best(self, forgotten: Callable[[int], bool]) -> None:
        """Remove the best checkpoints whose generation is `forgotten`: the best of the others is the best again.

        Raises:
            StorageError: if one cannot be removed.
        """
        with writing_to(self._best):
            _remove_all_but(self._best, [path for path in _checkpoints(self._best) if not forgotten(_order(path)[0])])

    def latest_generation(self) -> int | None:
        """Generation of the newest checkpoint, damaged or not; None if there is none."""
        found = _checkpoints(self.directory)
        return _order(found[-1])[0] if found else None

    def restore(
        self,
        like: State | Callable[[int], State],
        which: Literal["latest", "best"] = "latest",
        within: tuple[str, ...] = ("",),
    ) -> tuple[int, State]:
        """The generation and state of the newest usable checkpoint, or of the best one.

        Args:
            like: a pytree of the state's structure, shapes and dtypes; its values are ignored. Or a function from the
                generation to it.
            which: `latest` skips damaged checkpoints, with a warning for each.
            within: beginnings of the names of the arrays to read, if not all; see `read_archive`.

        Raises:
            UserError: if there is none, none is usable, or it is of another structure than `like`.
        """
        directory = self._best if which == "best" else self.directory
        tried: set[Path] = set()
        # Listed anew each time: a trainer may put another in place of the one that is being read.
        while left := [path for path in _checkpoints(directory) if path not in tried]:
            tried.add(left[-1])
            try:
                generation = _order(left[-1])[0]
                wanted: Any = like(generation) if callable(like) else like
                return generation, read_archive(left[-1], wanted, within)
            except DamagedArchiveError as error:
                self._damaged.add(left[-1])
                _log.warning("checkpoint %s is damaged (%s); trying an earlier one", left[-1], error)
        kind = f"usable {which}" if tried else which
        raise UserError(f"no {kind} checkpoint in {str(directory)!r}: {self._advice(which, missing=not tried)}")

    def _advice(self, which: str, *, missing: bool) -> str:
        if which == "best" and self.latest_generation() is not None:
            return f"{'no evaluation had a finite return yet; ' if missing else ''}ask for the checkpoint latest"
        return "start the run again, in another --run.directory"


def _save(directory: Path, generation: int, state: Any) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for leftover in directory.glob("tmp-*"):
        shutil.rmtree(leftover)
    attempts = [_order(path)[1] for path in _checkpoints(directory) if _order(path)[0] == generation]
    name = f"{generation:08d}.{max(attempts, default=-1) + 1}"
    temporary = directory / f"tmp-{name}"
    try:
        write_archive(temporary, state)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)  # a full disk needs the room
        raise
    return temporary.rename(directory / name)


def _checkpoints(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return sorted((path for path in directory.iterdir() if _NAME.fullmatch(path.name)), key=_order)


def _order(path: Path) -> tuple[int, int]:
    generation, attempt = path.name.split(".")
    return int(generation), int(attempt)


def _remove_all_but(directory: Path, kept: list[Path]) -> None:
    for path in _checkpoints(directory):
        if path not in kept:
            shutil.rmtree(path)
