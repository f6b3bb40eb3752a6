"""Options of supervised learning: data and optimiser."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from odes_rl.errors import UserError
from odes_rl.manifolds.schedules import OPTIMIZERS, Schedule
from odes_rl.validation import STRICT


class DataConfig(BaseModel):
    """Training and test data."""

    model_config = STRICT

    source: str = "digits"
    """`digits`, which comes with scikit-learn; a file such as `mnist.npz`; or a directory with MNIST's IDX files, or
    with the files of CIFAR-10 or CIFAR-100, pickled or binary. For a model of videos: one of these, whose images are
    made to move; an .npy file of videos as Moving MNIST was published; or a directory with BAIR's robot pushing, in
    TFRecords."""
    crop: int = Field(default=0, ge=0)
    """Training images are moved by up to this number of pixels along both axes, at random, with zeros beyond the
    edge."""
    flip: bool = False
    """Training images are turned left to right, half of them, at random."""
    standardise: Literal["none", "channel", "pixel"] = "none"
    """Inputs of the model. `none`: pixels from 0 to 1, which models of images centre by themselves. Otherwise they have
    mean 0 and deviation 1 over the training images: each channel of all pixels together (`channel`), or each pixel by
    itself (`pixel`)."""
    corrupted: bool = False
    """Also evaluate on the corruptions of MNIST-C. Training sees clean images only."""
    corrupted_directory: str | None = None
    """A directory with the published files of MNIST-C; none generates the corruptions from `run.seed`."""
    side: int = Field(default=64, ge=8)
    """Side in pixels of the square frame in which images are made to move."""
    digits: int = Field(default=2, ge=1)
    """Number of images that move in a frame."""
    videos: int = Field(default=10000, ge=1)
    """Number of training videos of moving images. Each is made when it is needed: they take no memory."""
    test_videos: int = Field(default=256, ge=1)
    """Number of test videos, at most."""


def check_unused(config: DataConfig, names: Iterable[str], use: str) -> None:
    """Check that the options of those `names`, which are for that `use`, have their defaults.

    Raises:
        UserError: if one does not.
    """
    for name in names:
        given, default = getattr(config, name), DataConfig.model_fields[name].default
        if given != default:
            raise UserError(f"data.{name} is {given}, but is for {use}: leave it at {str(default).lower()}")


class OptimizerConfig(BaseModel):
    """The optimiser."""

    model_config = STRICT

    name: Annotated[str, OPTIMIZERS] = "adam"
    """Optimiser on tangent coordinates."""
    learning_rate: float = Field(default=0.001, gt=0)
    """Initial learning rate."""
    schedule: Schedule = "constant"
    """Learning-rate schedule. `constant`; `cosine`: to a hundredth along half a cosine; `inverse_sqrt`: as 1/√epoch."""
    schedule_horizon: int = Field(default=100, ge=1)
    """Epochs in which a cosine schedule falls to a hundredth; the rate stays there afterwards."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Decay of the momentum, for `momentum` and `clip_up`; first decay rate of `adam`."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay, on Euclidean leaves only."""
    batch_size: int = Field(default=128, ge=1)
    """Examples in a training step. Each epoch leaves out the remainder that does not fill a batch, different examples
    each time."""
