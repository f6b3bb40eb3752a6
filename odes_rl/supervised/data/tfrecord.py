"""TFRecord files and the examples in them, read without TensorFlow. Free of JAX.

A record is its length (8 bytes, little-endian), the masked CRC-32C of these, the data, and the masked CRC-32C of it.
The data is a protocol buffer, `tf.train.Example`: a map from names to lists of bytes, floats or whole numbers.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from odes_rl.errors import UserError
from odes_rl.supervised.data.crc32c import masked_crc32c

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
"""Wire types of a protocol buffer."""


class Record(NamedTuple):
    """Where the data of a record lies: a file, and offset and length in it, in bytes."""

    path: Path
    offset: int
    length: int


def find_records(path: Path) -> list[Record]:
    """The records of the file at `path`, whose lengths are checked; their data is not read.

    Raises:
        UserError: if it cannot be read, is cut off, or a length has another checksum.
    """
    records = []
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            while (offset := file.tell()) < size:
                head = file.read(12)
                if len(head) < 12:
                    raise _cut_off(path, offset)
                length, checksum = struct.unpack("<QI", head)
                _check(path, offset, head[:8], checksum)
                if offset + 16 + length > size:
                    raise _cut_off(path, offset)
                records.append(Record(path, offset + 12, length))
                file.seek(offset + 16 + length)
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    return records


def read_record(record: Record) -> memoryview:
    """The data of a record.

    Raises:
        UserError: if it cannot be read, or has another checksum.
    """
    path, offset, length = record
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = memoryview(file.read(length + 4))
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    if len(data) < length + 4:
        raise _cut_off(path, offset)
    _check(path, offset, data[:length], *struct.unpack("<I", data[length:]))
    return data[:length]


def read_example(record: Record) -> dict[str, memoryview]:
    """Name → the first value of each feature of bytes in the example that a record holds.

    Raises:
        UserError: if the record cannot be read, has another checksum, or holds no example.
    """
    data = read_record(record)
    try:
        features = {}
        for entry in _fields(_only(data, 1), 1):
            values = list(_fields(_only(_only(entry, 2), 1), 1))  # none in a list of numbers
            features |= {bytes(_only(entry, 1)).decode(): value for value in values[:1]}
    except (ValueError, IndexError) as error:
        raise UserError(f"{str(record.path)!r}: the record at byte {record.offset} is no example: {error}") from None
    return features


def _only(message: memoryview, number: int) -> memoryview:
    """The last field with that number, of bytes; empty if there is none."""
    return next(reversed(list(_fields(message, number))), memoryview(b""))


def _fields(message: memoryview, number: int) -> Iterator[memoryview]:
    """The fields with that number, of bytes, of a protocol buffer's message."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind, length = key & 7, 0
        if kind == _VARINT:
            _, place = _varint(message, place)
        elif kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"it has a field of wire type {kind}")
        if place + length > len(message):
            raise ValueError("a field is longer than what holds it")
        if kind == _BYTES and key >> 3 == number:
            yield message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, and where it ends."""
    value, shift = 0, 0
    while True:
        byte = message[place]
        value, place = value | (byte & 0x7F) << shift, place + 1
        if byte < 0x80:
            return value, place
        shift += 7


def _check(path: Path, offset: int, data: bytes | memoryview, checksum: int) -> None:
    found = masked_crc32c(data)
    if found != checksum:
        raise UserError(
            f"{str(path)!r} is damaged: at byte {offset} the checksum is {checksum:#010x}, but that of the data is "
            f"{found:#010x}; fetch it again"
        )


def _cut_off(path: Path, offset: int) -> UserError:
    return UserError(f"{str(path)!r} is cut off in the record at byte {offset}: fetch it again")
