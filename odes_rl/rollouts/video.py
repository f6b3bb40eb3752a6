"""Video files, of a kind for each ending. Free of JAX."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

_FASTEST = 50
"""Pictures a second, at the most: a task with shorter steps leaves some of them out."""
_GIF_UNIT = 0.01
"""Seconds of which a GIF counts a whole number to each picture."""
_STEPS_TRIED = 5
"""Lengths of a picture that a GIF chooses from, in environment steps."""


class Video(Protocol):
    """A file that is written.

    Attributes:
        size: width and height that suit it.
    """

    size: tuple[int, int]

    def begin(self, step: float) -> int:
        """Learn that an environment step takes `step` seconds; how many of them each picture should last."""
        ...

    def add(self, picture: np.ndarray) -> None:
        """Write the next picture, [height, width, 3] uint8."""
        ...


class Mp4:
    """H.264, written picture by picture."""

    size = (640, 480)

    def __init__(self, file: Any) -> None:
        self.file = file

    def begin(self, step: float) -> int:
        """As `Video` says."""
        every = math.ceil(1 / (step * _FASTEST))
        self.file.init_video_stream("libx264", fps=1 / (step * every))
        return every

    def add(self, picture: np.ndarray) -> None:
        """As `Video` says; H.264 has even sides, for which the last row or column is there twice."""
        height, width = picture.shape[:2]
        self.file.write_frame(np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge"))


class Gif:
    """A GIF, without an end. Its pictures are small: all stay in memory until it is closed."""

    size = (320, 240)

    def __init__(self, file: Any) -> None:
        self.file = file
        self.milliseconds = 0

    def begin(self, step: float) -> int:
        """As `Video` says; the length of a picture is the nearest to a number of hundredths that a GIF can count."""
        least = math.ceil(1 / (step * _FASTEST))
        every = min(range(least, least + _STEPS_TRIED), key=lambda steps: round(_misses(steps * step), 6))
        self.milliseconds = 10 * max(round(every * step / _GIF_UNIT), 1)
        return every

    def add(self, picture: np.ndarray) -> None:
        """As `Video` says."""
        self.file.write(picture, bits=8, duration=self.milliseconds, loop=0)


def _misses(seconds: float) -> float:
    """How far a length is from what a GIF can count, as a share of it."""
    return abs(round(seconds / _GIF_UNIT) * _GIF_UNIT / seconds - 1)


_KINDS = {".mp4": (Mp4, "pyav"), ".gif": (Gif, "pillow")}
"""Ending → kind, and what writes it for imageio."""
ENDINGS = tuple(_KINDS)


@contextmanager
def open_video(path: str) -> Iterator[Video]:
    """A video to write to the file at `path`, of the kind that its ending names; it is there when this closes."""
    import imageio.v3 as imageio

    kind, plugin = _KINDS[Path(path).suffix.lower()]
    with imageio.imopen(path, "w", plugin=plugin) as file:
        yield kind(file)
