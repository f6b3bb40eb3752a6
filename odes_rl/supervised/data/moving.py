"""Moving MNIST: videos of digits that move in a square frame and bounce off its edges (Srivastava et al. 2015)."""

from pathlib import Path

import numpy as np

from odes_rl.errors import UserError
from odes_rl.supervised.data.arrays import read_npy

_SPEED = 0.1
"""Part of the room that a digit moves in a frame."""


def moving_digits(
    images: np.ndarray, seed: int, numbers: np.ndarray, *, frames: int = 20, side: int = 64, digits: int = 2
) -> np.ndarray:
    """[n, frames, side, side] uint8 videos of `digits` of the `images` [m, h, w] uint8 that move and bounce.

    Each video is a pure function of `seed` and its number, one of `numbers` [n]: they can be made in any order, and
    again. Digits are drawn with equal chance; each starts at a uniform place inside the frame and moves in a uniform
    direction, by a tenth of the room that it has, 3.6 of 64 pixels for MNIST. At an edge that part of its velocity is
    turned. Where digits overlap, the brighter pixel is seen. Where the frame is too small for two
    digits to move, as 32 × 32 is for MNIST's 28, images are halved first, by the means of 2 × 2 pixels.

    Raises:
        UserError: if the images are larger than the frame.
    """
    return videos_of(suited(images, side), seed, numbers, frames, side, digits)


def suited(images: np.ndarray, side: int) -> np.ndarray:
    """The `images` [m, h, w] uint8 of a size that moves in a frame of `side`: as they are, or halved.

    Raises:
        UserError: if they are larger than the frame.
    """
    if 2 * max(images.shape[1:]) > 1.5 * side:
        images = _halved(images)
    if max(images.shape[1:]) >= side or 0 in images.shape[1:]:
        raise UserError(f"images of {images.shape[1:]} do not move in a frame of {side} × {side}: give a larger side")
    return images


def videos_of(images: np.ndarray, seed: int, numbers: np.ndarray, frames: int, side: int, digits: int) -> np.ndarray:
    """`moving_digits` of images that are `suited`."""
    room = np.array([side - images.shape[1], side - images.shape[2]])
    videos = np.zeros((len(numbers), frames, side, side), np.uint8)
    for video, number in zip(videos, numbers, strict=True):
        generator = np.random.default_rng([seed, int(number)])
        for index in generator.integers(len(images), size=digits):
            _draw(video, images[index], _bouncing(generator, room, frames))
    return videos


def read_moving(path: str | Path) -> np.ndarray:
    """[n, frames, side, side] uint8 the videos of the published file mnist_test_seq.npy, [frames, n, side, side].

    The file is mapped, not read as a whole.

    Raises:
        UserError: if it cannot be read, or holds something else.
    """
    videos = read_npy(Path(path), mapped=True)
    if videos.ndim != 4 or videos.dtype != np.uint8 or videos.shape[2] != videos.shape[3] or 0 in videos.shape:
        raise UserError(
            f"{str(path)!r} is {videos.dtype} of shape {videos.shape}, but must be uint8 [frames, n, side, side]"
        )
    return videos.swapaxes(0, 1)


def _bouncing(generator: np.random.Generator, room: np.ndarray, frames: int) -> np.ndarray:
    """[frames, 2] int the corner of a digit in each frame, row and column, between 0 and `room` [2].

    A point that moves straight on, folded back into the frame.
    """
    start, angle = generator.uniform(0, room), generator.uniform(0, 2 * np.pi)
    straight = start + np.arange(frames)[:, None] * _SPEED * room * np.array([np.sin(angle), np.cos(angle)])
    return np.rint(room - np.abs(straight % (2 * room) - room)).astype(int)


def _draw(video: np.ndarray, digit: np.ndarray, corners: np.ndarray) -> None:
    height, width = digit.shape
    for frame, (row, column) in zip(video, corners, strict=True):
        place = frame[row : row + height, column : column + width]
        np.maximum(place, digit, out=place)


def _halved(images: np.ndarray) -> np.ndarray:
    count, height, width = images.shape
    squares = images[:, : height // 2 * 2, : width // 2 * 2].reshape(count, height // 2, 2, width // 2, 2)
    return np.rint(squares.mean((2, 4))).astype(np.uint8)
