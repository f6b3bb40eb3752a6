"""The parts of a fitting: data, model and learner, as a config describes them."""

import zlib
from typing import NamedTuple

import jax
import numpy as np

from odes_rl.config.schema import FitConfig
from odes_rl.errors import UserError
from odes_rl.supervised.augmenting import make_augmentation
from odes_rl.supervised.config import check_unused
from odes_rl.supervised.data.corruptions import CORRUPTIONS, corrupt
from odes_rl.supervised.data.dataset import Dataset, Split
from odes_rl.supervised.data.loading import load_corrupted, load_dataset
from odes_rl.supervised.data.rows import Rows
from odes_rl.supervised.data.videos import load_videos
from odes_rl.supervised.learner import Learner, make_learner
from odes_rl.supervised.models import input_shape, make_model, make_video_model
from odes_rl.supervised.models.checks import check_own_model
from odes_rl.supervised.models.learnable import Learnable
from odes_rl.supervised.models.model import Model
from odes_rl.supervised.models.standardised import image_moments, standardised
from odes_rl.supervised.models.videos.config import VideoModelConfig

TEST = "test"
"""The name of the clean test examples among those that are evaluated."""
_SAMPLE = 8
"""Examples of a fingerprint, where not all of them are there."""


class Fitting(NamedTuple):
    """The parts that a config describes.

    Attributes:
        train: what is learnt from, as the model takes it: (images, labels) or (videos,), each of N examples.
        evaluated: name → examples that the model is evaluated on; `test` first, and the corruptions if asked for.
        model: as the config names it.
        learner: how it is trained; its `evaluate` is compiled.
        stepwise: whether an epoch is no program of its own, but its steps are: for long steps and large data.
    """

    train: tuple[Rows, ...]
    evaluated: dict[str, tuple[np.ndarray, ...]]
    model: Learnable
    learner: Learner
    stepwise: bool


def make_fitting(config: FitConfig) -> Fitting:
    """The fitting that `config` describes.

    Raises:
        UserError: if the data cannot be read, or does not suit the model, or a model of the user's own is none.
    """
    made = _of_videos(config) if isinstance(config.model, VideoModelConfig) else _of_images(config)
    return made._replace(learner=made.learner._replace(evaluate=jax.jit(made.learner.evaluate)))


def fingerprint(fitting: Fitting) -> str:
    """CRC-32 of the training examples and the clean test examples; of examples that are made when asked for, a few."""
    crc = 0
    for rows in (*fitting.train, *fitting.evaluated[TEST]):
        seen = rows if isinstance(rows, np.ndarray) else rows[np.linspace(0, len(rows) - 1, _SAMPLE).astype(int)]
        crc = zlib.crc32(np.ascontiguousarray(seen).data, zlib.crc32(f"{rows.dtype}{rows.shape}".encode(), crc))
    return f"{crc:08x}"


def _of_images(config: FitConfig) -> Fitting:
    check_unused(config.data, ("videos", "test_videos", "side", "digits"), "models of videos")
    data = load_dataset(config.data.source)
    size = data.train.images.shape[1:]
    shape = input_shape(config.model.name, size)
    model = make_model(config.model, shape, data.classes)
    splits = {TEST: data.test} | _corrupted(config, data)
    train, *evaluated = ((s.images.reshape(-1, *shape), s.labels) for s in (data.train, *splits.values()))
    check_own_model(config.model.name, model, train, data.classes)
    if config.data.standardise != "none":
        if not isinstance(model, Model):
            raise UserError(
                f"data.standardise is {config.data.standardise}, but model {config.model.name!r} brings its own loss, "
                "and sees images as they are: leave it out"
            )
        moments = image_moments(data.train.images, by_pixel=config.data.standardise == "pixel")
        model = standardised(model, moments, shape)
    learner = make_learner(config.optimizer, model, make_augmentation(config.data, size))
    return Fitting(train, dict(zip(splits, evaluated, strict=True)), model, learner, stepwise=len(shape) > 1)


def _of_videos(config: FitConfig) -> Fitting:
    assert isinstance(config.model, VideoModelConfig)
    data = load_videos(config.data, config.model.frames)
    model = make_video_model(config.model, data.train.shape[2:])
    check_own_model(config.model.name, model, (data.train,))
    learner = make_learner(config.optimizer, model)
    return Fitting((data.train,), {TEST: (data.test,)}, model, learner, stepwise=True)


def _corrupted(config: FitConfig, data: Dataset) -> dict[str, Split]:
    test, directory = data.test, config.data.corrupted_directory
    if not config.data.corrupted:
        if directory is not None:
            raise UserError(
                f"data.corrupted_directory is {directory!r}, but data.corrupted is false: make it true, or leave it out"
            )
        return {}
    if test.images.ndim > 3:
        raise UserError("data.corrupted is true, but the corruptions of MNIST-C are for images without colours")
    if directory is not None:
        return {name: _fitting(load_corrupted(directory, name, data.classes), test, directory) for name in CORRUPTIONS}
    return {name: Split(corrupt(name, test.images, config.run.seed), test.labels) for name in CORRUPTIONS}


def _fitting(split: Split, test: Split, directory: str) -> Split:
    """`split`, read from `directory`, if its images are of the size of the `test` images.

    Raises:
        UserError: if they are not.
    """
    size, wanted = (" × ".join(map(str, s.images.shape[1:])) for s in (split, test))
    if size != wanted:
        raise UserError(
            f"data.corrupted_directory: images in {directory!r} are {size}, but those of data.source are {wanted}"
        )
    return split
