"""The pictures of the inspection of a model of videos: a strip of frames, and a film."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from odes_rl.errors import UserError
from odes_rl.inspection.videos import VideoInspection

_SEEN, _PREDICTED = (0, 158, 115), (213, 94, 0)
"""Colours of the film's bar."""
_SCALE_TO = 96
"""Pixels of a frame's side in the film, at the least."""
_MILLISECONDS, _LAST_MILLISECONDS = 200, 1000
"""Of a frame of the film, and of its last one."""
_GAP = 2
"""Pixels between frames."""


def draw_videos(inspection: VideoInspection) -> Figure:
    """A strip for each video: what is true, the best prediction and the mean, one frame after another."""
    rows, labels = _rows(inspection)
    count, frames = len(inspection.true), rows.shape[2]
    figure = Figure(figsize=(0.62 * frames + 1.2, 0.62 * 3 * count + 0.9), layout="compressed")
    for index, axes in enumerate(np.atleast_1d(figure.subplots(count, 1)).flat):
        strip = np.stack([_beside(row) for row in rows[:, index]])
        picture = _below(strip)
        axes.imshow(picture, vmin=0, vmax=1, interpolation="nearest")
        height, width = rows.shape[3] + _GAP, rows.shape[4] + _GAP
        axes.set_yticks((np.arange(3) + 0.5) * height, labels, fontsize="small")
        axes.axvline(inspection.seen.shape[1] * width - 1 - _GAP / 2, color="#D55E00", linewidth=1.5)
        axes.set_xticks([])
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    words = f"{inspection.title}; predicted right of the line"
    figure.suptitle(words, fontsize="medium")
    return figure


def write_film(inspection: VideoInspection, path: Path) -> Path:
    """Write a GIF to `path`: a column for each video, in it the true frame, the best prediction and the mean.

    The bar at the top is green for frames that were seen, and orange for predicted ones.

    Raises:
        UserError: if it cannot be written.
    """
    rows, _ = _rows(inspection)
    scale = -(-_SCALE_TO // rows.shape[3])
    pictures = []
    for t in range(rows.shape[2]):
        frame = _below(np.stack([_beside(row) for row in rows[:, :, t]]))
        pixels = np.rint(255 * frame).astype(np.uint8).repeat(scale, 0).repeat(scale, 1)
        bar = np.full((2 * _GAP * scale, pixels.shape[1], 3), _SEEN if t < inspection.seen.shape[1] else _PREDICTED)
        pictures.append(Image.fromarray(np.concatenate([bar.astype(np.uint8), pixels])))
    lasting = [_MILLISECONDS] * (len(pictures) - 1) + [_LAST_MILLISECONDS]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=lasting, loop=0)
    except OSError as error:
        raise UserError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
    return path


def _rows(inspection: VideoInspection) -> tuple[np.ndarray, list[str]]:
    """[3, V, s + p, h, w, 3] what is true, best and mean, after the frames that were seen; and their labels."""
    kinds = {"true": inspection.true, f"best of {inspection.samples}": inspection.best, "mean": inspection.mean}
    rows = np.stack([np.concatenate([inspection.seen, frames], axis=1) for frames in kinds.values()])
    return np.broadcast_to(rows, (*rows.shape[:-1], 3)), list(kinds)


def _beside(frames: np.ndarray) -> np.ndarray:
    """[h, N(w + gap), 3] of frames [N, h, w, 3]: one beside the other."""
    padded = np.pad(frames, ((0, 0), (0, 0), (0, _GAP), (0, 0)), constant_values=1)
    return np.concatenate(list(padded), axis=1)


def _below(strips: np.ndarray) -> np.ndarray:
    """[N(h + gap), w, 3] of strips [N, h, w, 3]: one below the other."""
    padded = np.pad(strips, ((0, 0), (0, _GAP), (0, 0), (0, 0)), constant_values=1)
    return np.concatenate(list(padded), axis=0)
