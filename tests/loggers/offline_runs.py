"""Reads what W&B writes offline: a log of records in LevelDB's format, each a protocol buffer."""

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record  # pyright: ignore[reportAttributeAccessIssue]

_HEADER, _BLOCK = 7, 32768


def history_of(path: Path) -> tuple[Any, list[dict[str, Any]]]:
    """The record of the run in the file at `path`, and its lines of metrics; W&B's service may still be writing it."""
    deadline = time.monotonic() + 30
    while not (records := _parsed(path)) or not records[-1].HasField("exit"):
        assert time.monotonic() < deadline, "the run has no end"
        time.sleep(0.05)
    (run,) = [record.run for record in records if record.HasField("run")]
    lines = [
        {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for record in records
        if record.HasField("history")
    ]
    return run, lines


def _parsed(path: Path) -> list[Any]:
    return [Record.FromString(content) for content in _records(path.read_bytes())]


def _records(data: bytes) -> Iterator[bytes]:
    place, parts = _HEADER, b""
    while place + _HEADER <= len(data):
        if _BLOCK - place % _BLOCK < _HEADER:  # too short a rest for a record
            place += _BLOCK - place % _BLOCK
            continue
        _, size, kind = struct.unpack("<IHB", data[place : place + _HEADER])
        if place + _HEADER + size > len(data):  # it is being written
            return
        parts += data[place + _HEADER : place + _HEADER + size]
        place += _HEADER + size
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""
