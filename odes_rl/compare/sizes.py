"""How large the policies and models of cells are, written beside their runs for the report."""

import json
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from odes_rl.compare.cells import Cell
from odes_rl.config.schema import ExperimentConfig, FitConfig
from odes_rl.errors import UserError
from odes_rl.policies.counting import parameter_count
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.runs.files import CELL, METRICS, replace_text, writing_to
from odes_rl.supervised.data.loading import load_dataset
from odes_rl.supervised.data.videos import load_videos
from odes_rl.supervised.models import input_shape, make_model, make_video_model
from odes_rl.supervised.models.videos.config import VideoModelConfig
from odes_rl.training.experiment import make_experiment


def write_missing_sizes(cells: Iterable[Cell]) -> None:
    """Write the sizes of those `cells` whose runs were not started by a comparison, and have none yet.

    Without the data or the environment that tell the size of the inputs there is none.

    Raises:
        StorageError: if one cannot be written.
    """
    for cell in cells:
        if (cell.path / METRICS).exists() and not (cell.path / CELL).exists():
            with suppress(UserError, EnvironmentFailure):
                write_size(cell.path, cell.config)


def write_size(path: Path, config: ExperimentConfig | FitConfig) -> None:
    """Write the number of parameters that a run of `config` has to its directory.

    Raises:
        UserError: if there is no such environment, or the data cannot be read.
        StorageError: if it cannot be written.
    """
    with writing_to(path):
        replace_text(path / CELL, json.dumps({"parameters": _count(config)}) + "\n")


def _count(config: ExperimentConfig | FitConfig) -> int:
    if not isinstance(config, FitConfig):
        return parameter_count(make_experiment(config).policy)
    if isinstance(config.model, VideoModelConfig):
        frame = load_videos(config.data, config.model.frames).train.shape[2:]
        return parameter_count(make_video_model(config.model, frame))
    size, classes = _sizes(config.data.source)
    return parameter_count(make_model(config.model, input_shape(config.model.name, size), classes))


@cache
def _sizes(source: str) -> tuple[tuple[int, ...], int]:
    """Shape of an image, and number of classes."""
    data = load_dataset(source)
    return data.train.images.shape[1:], data.classes
