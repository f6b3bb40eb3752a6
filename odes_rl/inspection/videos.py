"""All that `odes-rl inspect` finds out about a fitted model of videos: what it predicts of some test videos."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.config.schema import FitConfig
from odes_rl.errors import UserError
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.supervised.models.videos.config import VideoModelConfig
from odes_rl.supervised.models.videos.model import VideoModel
from odes_rl.training.fit import restore_fit
from odes_rl.training.fitting import TEST

_VIDEOS, _SAMPLES = 4, 20
"""Test videos that are predicted, at the most, and predictions of each."""


class VideoInspection(NamedTuple):
    """A model's predictions of V test videos of s seen and p later frames, from 0 to 1.

    Attributes:
        title: which model it is.
        seen: [V, s, h, w, n] the frames that were given.
        true: [V, p, h, w, n] the frames after them.
        best: [V, p, h, w, n] of each video's predictions the one with the highest peak signal-to-noise ratio.
        mean: [V, p, h, w, n] of all predictions.
        samples: number of predictions of each video.
    """

    title: str
    seen: np.ndarray
    true: np.ndarray
    best: np.ndarray
    mean: np.ndarray
    samples: int


def look_into_videos(run: RunDirectory[FitConfig], seed: int = 0) -> VideoInspection:
    """Predict test videos with the model in the latest checkpoint of `run`; `seed` draws the videos and all else.

    Raises:
        UserError: if there is no such checkpoint or no data, or the predictions are not finite.
    """
    fitting, state = restore_fit(run)
    config, model = run.config.model, fitting.model
    assert isinstance(config, VideoModelConfig)
    assert isinstance(model, VideoModel)
    (videos,) = fitting.evaluated[TEST]
    chosen = np.random.default_rng(seed).permutation(len(videos))[:_VIDEOS]
    shown = videos[np.sort(chosen)] / np.float32(255)
    seen, true = np.split(shown, [config.seen], axis=1)
    predict = jax.jit(partial(_predictions, model, config.predicted))
    predicted = np.asarray(predict(state.params, seen, jax.random.split(jax.random.key(seed), _SAMPLES)))
    if not np.isfinite(predicted).all():
        raise UserError(f"{str(run.path)!r}: predictions are not finite: training diverged")
    best = np.argmax(signal_to_noise(predicted, true).mean(-1), axis=0)
    return VideoInspection(
        title=f"{config.name} on {Path(run.config.data.source).name}, epoch {int(state.epoch)}",
        seen=seen,
        true=true,
        best=predicted[best, np.arange(len(true))],
        mean=predicted.mean(0),
        samples=_SAMPLES,
    )


def signal_to_noise(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """[..., p] peak signal-to-noise ratio in dB, 10 log₁₀ 1/mean squared error, of frames [..., p, h, w, n]."""
    error = np.mean((predicted - true) ** 2, axis=(-3, -2, -1))
    return -10 * np.log10(np.maximum(error, 1e-10))


def describe_videos(inspection: VideoInspection) -> list[str]:
    """Lines that summarise the figure."""
    seen, true = inspection.seen, inspection.true
    rows = {
        f"best of {inspection.samples} predictions": inspection.best,
        "mean of them": inspection.mean,
        "last frame that was seen": np.broadcast_to(seen[:, -1:], true.shape),
    }
    ratios = {name: signal_to_noise(frames, true).mean(0) for name, frames in rows.items()}
    return [
        f"{inspection.title}: {len(true)} test videos, {seen.shape[1]} frames seen, {true.shape[1]} predicted",
        *(
            f"peak signal-to-noise ratio, {name}: {ratio.mean():.1f} dB, from {ratio[0]:.1f} to {ratio[-1]:.1f}"
            for name, ratio in ratios.items()
        ),
    ]


def _predictions(model: VideoModel, count: int, params: object, seen: jax.Array, keys: jax.Array) -> jax.Array:
    """[S, V, p, h, w, n], one after another, since each is large."""
    return jax.lax.map(lambda key: model.predict(params, jnp.asarray(seen), count, key), keys)
