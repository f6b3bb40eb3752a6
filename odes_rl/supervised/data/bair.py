"""BAIR's robot pushing (Ebert et al. 2017), in the TFRecord files in which it was published. Free of JAX."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from odes_rl.errors import UserError
from odes_rl.supervised.data.tfrecord import Record, find_records, read_example

_FOLDER = "softmotion30_44k"
"""Of the published archive."""
_SHAPE = (64, 64, 3)
"""Of a frame."""
_CAMERA = "image_aux1"
"""The main camera's name in the features."""


@dataclass(frozen=True)
class RecordedVideos:
    """Videos [N, frames, 64, 64, 3] uint8, each read from its record when it is asked for, its checksum checked."""

    records: tuple[Record, ...]
    frames: int
    dtype = np.dtype(np.uint8)

    @property
    def shape(self) -> tuple[int, ...]:
        """[N, frames, 64, 64, 3]."""
        return (len(self.records), self.frames, *_SHAPE)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, numbers: np.ndarray) -> np.ndarray:
        """[B, frames, 64, 64, 3] the videos of those B `numbers`.

        Raises:
            UserError: if a record is damaged, or holds something else.
        """
        videos = [self._video(self.records[number]) for number in numbers]
        return np.stack(videos) if videos else np.empty((0, *self.shape[1:]), self.dtype)

    def _video(self, record: Record) -> np.ndarray:
        features, wanted = read_example(record), [f"{t}/{_CAMERA}/encoded" for t in range(self.frames)]
        where = f"{str(record.path)!r}: the record at byte {record.offset}"
        for name in wanted:
            if name not in features:
                there = ", ".join(list(features)[:3]) or "nothing of bytes"
                raise UserError(f"{where} has {there} …, but must have {name}: give fewer frames, or BAIR's files")
            if len(features[name]) != np.prod(_SHAPE):
                raise UserError(f"{where} has {len(features[name])} bytes in {name}, but must have 64 × 64 × 3")
        return np.stack([np.frombuffer(features[name], np.uint8).reshape(_SHAPE) for name in wanted])


def find_bair(directory: Path) -> Path | None:
    """The directory with the parts `train` and `test` of BAIR's TFRecords, at or below `directory`; None if none."""
    places = (directory, directory / _FOLDER)
    return next((place for place in places if any(place.glob("*/*.tfrecords"))), None)


def load_bair(directory: Path, part: str, frames: int) -> RecordedVideos:
    """The videos of a `part`, `train` or `test`, of their first `frames` frames; one is read, to see that it is one.

    Raises:
        UserError: if there is none, or a file is damaged or holds something else.
    """
    files = sorted((directory / part).glob("*.tfrecords"))
    records = tuple(record for path in files for record in find_records(path))
    if not records:
        raise UserError(f"{str(directory / part)!r} has no videos, but must have files *.tfrecords: fetch them again")
    videos = RecordedVideos(records, frames)
    videos[np.arange(1)]
    return videos
