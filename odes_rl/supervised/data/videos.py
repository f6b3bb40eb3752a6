"""Data sets of videos by their source: digits that move, and files as Moving MNIST and BAIR's were published."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from odes_rl.errors import UserError
from odes_rl.supervised.config import DataConfig, check_unused
from odes_rl.supervised.data.bair import find_bair, load_bair
from odes_rl.supervised.data.dataset import readable
from odes_rl.supervised.data.loading import DIGITS, load_dataset
from odes_rl.supervised.data.moving import read_moving, suited, videos_of
from odes_rl.supervised.data.rows import Rows

_TRAIN_SEED, _TEST_SEED = 0, 1
"""Of moving digits: the same videos for every `run.seed`."""
_EVERY = 10
"""One in this number of the published videos of Moving MNIST is a test example."""


class VideoDataset(NamedTuple):
    """Training and test videos, [N, T, h, w, n] uint8; the former are made or read when they are asked for."""

    train: Rows
    test: np.ndarray


@dataclass(frozen=True)
class MovingDigits:
    """`count` videos of moving digits, each made when it is asked for: [count, frames, side, side, 1] uint8.

    Attributes:
        images: [m, h, w] uint8, `suited` to the side.
        seed: of all.
        count: number of videos.
        frames: of a video.
        side: of a frame.
        digits: that move in a frame.
    """

    images: np.ndarray
    seed: int
    count: int
    frames: int
    side: int
    digits: int
    dtype = np.dtype(np.uint8)

    @property
    def shape(self) -> tuple[int, ...]:
        """[count, frames, side, side, 1]."""
        return (self.count, self.frames, self.side, self.side, 1)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, numbers: np.ndarray) -> np.ndarray:
        """The videos of those `numbers`."""
        return videos_of(self.images, self.seed, numbers, self.frames, self.side, self.digits)[..., None]


def load_videos(config: DataConfig, frames: int) -> VideoDataset:
    """The videos that `config` describes, of their first `frames` frames.

    An .npy file holds videos as Moving MNIST was published; the last tenth of them are test videos. A directory may
    have BAIR's robot pushing as it was published. Any other source is one of images, which move.

    Raises:
        UserError: if there is no such source, or it is damaged, holds something else, or too few frames.
    """
    of_images = ("crop", "flip", "corrupted", "corrupted_directory", "standardise")
    check_unused(config, of_images, "images, not for videos")
    with readable("data.source", config.source):
        if config.source != DIGITS and Path(config.source).suffix != ".npy" and not Path(config.source).exists():
            raise UserError(
                f"data.source is {config.source!r}, but must be `digits`, an .npz file or a directory of MNIST's "
                "files, whose images are made to move; an .npy file of videos, as Moving MNIST; or a directory of "
                "BAIR's TFRecords"
            )
        bair = find_bair(Path(config.source))
    if bair is not None or Path(config.source).suffix == ".npy":
        check_unused(config, ("videos", "side", "digits"), "images that are made to move, not for recorded videos")
    if bair is not None:
        train, test = (load_bair(bair, part, frames) for part in ("train", "test"))
        return VideoDataset(train, test[np.arange(min(len(test), config.test_videos))])
    if Path(config.source).suffix == ".npy":
        return _published(config, frames)
    return _moving(config, frames)


def _moving(config: DataConfig, frames: int) -> VideoDataset:
    data = load_dataset(config.source)
    if data.train.images.ndim > 3:
        raise UserError(f"data.source is {config.source!r}, but only images without colours are made to move")
    train, test = (
        MovingDigits(suited(split.images, config.side), seed, count, frames, config.side, config.digits)
        for split, seed, count in (
            (data.train, _TRAIN_SEED, config.videos),
            (data.test, _TEST_SEED, config.test_videos),
        )
    )
    return VideoDataset(train, test[np.arange(len(test))])


def _published(config: DataConfig, frames: int) -> VideoDataset:
    if not Path(config.source).is_file():
        raise UserError(f"data.source is {config.source!r}, but there is no such file")
    videos = read_moving(config.source)
    count, found = videos.shape[:2]
    if found < frames:
        raise UserError(f"{config.source!r} has videos of {found} frames, but {frames} are wanted: give fewer to model")
    first_test = count - count // _EVERY
    if first_test == count:
        raise UserError(f"{config.source!r} has {count} videos, but must have {_EVERY} or more, to test on some")
    videos = videos[:, :frames, :, :, None]
    return VideoDataset(videos[:first_test], np.ascontiguousarray(videos[first_test:][: config.test_videos]))
