"""TensorBoard events of a run.

They are written here, at once, and not by tensorboardX's writer: its thread dies unheard when a disk is full, and
the program then waits for it for ever.
"""

import logging
import socket
import struct
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from odes_rl.extras import install, is_installed
from odes_rl.loggers.logger import Line
from odes_rl.validation import STRICT

_FILES = "events.out.tfevents.*"
_log = logging.getLogger(__name__)


@cache
def _are_written() -> bool:
    """Whether tensorboardX is there to encode events; says once if it is not."""
    if is_installed("tensorboardX"):
        return True
    _log.warning("no events for TensorBoard are written: %s writes them", install("tensorboardX"))
    return False


class TensorBoardOptions(BaseModel):
    """There is nothing to set."""

    model_config = STRICT


class EventFiles:
    """The event files in `directory`, of which one is written; `counter` is the metric that numbers the lines.

    Without tensorboardX there are none, which a warning says once.
    """

    def __init__(self, directory: Path, counter: str = "generation") -> None:
        self.directory = directory
        self.counter = counter
        self._file: Path | None = None

    def rewrite(self, lines: Sequence[Line]) -> None:
        """Replace all event files by one with `lines`."""
        self.close()
        for file in self.directory.glob(_FILES):
            file.unlink()
        self._write(lines)

    def append(self, line: Line) -> None:
        """Append every number of `line` as a scalar at its place; they are in the file when this returns."""
        self._write([line])

    def close(self) -> None:
        """Let the next `append` begin another file."""
        self._file = None

    def _write(self, lines: Sequence[Line]) -> None:
        if not _are_written():
            return
        encoded = [] if self._file else [_encode(file_version="brain.Event:2")]
        encoded += [_encode(step=int(line[self.counter]), summary=_summary(line, self.counter)) for line in lines]
        with self._open().open("ab") as file:
            file.write(b"".join(encoded))

    def _open(self) -> Path:
        if self._file is None:
            self.directory.mkdir(exist_ok=True)
            self._file = self.directory / f"events.out.tfevents.{time.time_ns() // 10**9:010d}.{socket.gethostname()}"
        return self._file


def _summary(line: Line, counter: str):  # noqa: ANN202 - a protocol buffer's class exists at run time only
    # Slow to import, and only a run that is written needs it.
    from tensorboardX.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]

    numbers = {name: float(value) for name, value in line.items() if name != counter and value is not None}
    values = [Summary.Value(tag=name, simple_value=number) for name, number in numbers.items()]
    return Summary(value=values)


def _encode(**fields: object) -> bytes:
    """An event as a record: length, its checksum, the event, its checksum (TensorFlow's TFRecord format)."""
    from tensorboardX.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
    from tensorboardX.record_writer import masked_crc32c

    event = Event(wall_time=time.time(), **fields).SerializeToString()
    length = struct.pack("<Q", len(event))
    return b"".join((length, struct.pack("<I", masked_crc32c(length)), event, struct.pack("<I", masked_crc32c(event))))
