"""Options of supervised learning: what is learnt from, and how."""

from pydantic import BaseModel, Field

from odes_rl.manifolds.schedules import Optimizer, Schedule
from odes_rl.validation import STRICT


class DataConfig(BaseModel):
    """What is learnt from."""

    model_config = STRICT

    source: str = "digits"
    """`digits`, which scikit-learn brings along; or a file `mnist.npz`, or a directory of MNIST's IDX files."""
    corrupted: bool = False
    """Evaluate on the corruptions of MNIST-C, too. Training sees clean images only."""
    corrupted_directory: str | None = None
    """A directory of MNIST-C as it was published; none makes the corruptions here, with `run.seed`."""


class OptimizerConfig(BaseModel):
    """How parameters descend."""

    model_config = STRICT

    name: Optimizer = "adam"
    """Optimiser over tangent coordinates."""
    learning_rate: float = Field(default=0.001, gt=0)
    """Step length."""
    schedule: Schedule = "constant"
    """How the learning rate changes: not at all, down to a hundredth along half a cosine, or as 1/√epoch."""
    schedule_horizon: int = Field(default=100, ge=1)
    """Epochs that a cosine schedule takes to fall to a hundredth, where it stays."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Decay of the momentum, for `momentum`; first decay rate of `adam`."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay, on Euclidean leaves only."""
    batch_size: int = Field(default=128, ge=1)
    """Examples of a step; what is left of an epoch is left out, another part each time."""
