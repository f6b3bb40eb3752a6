"""Flows of images whose kernels are functions of time: NANODEs (Davis et al. 2020), and any other trajectory."""

from functools import partial
from typing import Annotated, Literal

from pydantic import Field, model_validator

from odes_rl.flows.trajectories import TRAJECTORIES, bucketed, trigonometric
from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.flows.trajectories.options import TrajectoryOptions, named_trajectory
from odes_rl.supervised.models.images.config import ImageFlowConfig
from odes_rl.supervised.models.images.network import image_network
from odes_rl.supervised.models.model import Model


class ImageBNanodeConfig(ImageFlowConfig, frozen=True):
    """A flow of images with kernels that are constant over each of several intervals; "B-NANODE-d" has d of them."""

    name: Literal["image_b_nanode"] = "image_b_nanode"
    buckets: int = Field(default=10, ge=1)
    """Number of intervals of time; as many as steps make each step's kernels its own."""

    @model_validator(mode="after")
    def _check_buckets(self) -> "ImageBNanodeConfig":
        if self.buckets > self.steps:
            raise ValueError(f"buckets is {self.buckets}, but {self.steps} steps see no more than {self.steps}")
        return self


def image_b_nanode(config: ImageBNanodeConfig, shape: tuple[int, ...], classes: int) -> Model:
    """ẋ = F(x, K_⌊td⌋)."""
    make = partial(bucketed, buckets=config.buckets)
    return image_network(config, shape, classes, make)


class ImageTNanodeConfig(ImageFlowConfig, frozen=True):
    """A flow of images with kernels that are trigonometric polynomials of time; "T-NANODE-d" has degree d."""

    name: Literal["image_t_nanode"] = "image_t_nanode"
    degree: int = Field(default=10, ge=0)
    """Degree d of the trigonometric polynomials: 2d + 1 kernels."""
    period: float | None = Field(default=None, gt=0)
    """Period of the slowest cosine; none is 2π, as printed, of which times from 0 to 1 see a sixth."""


def image_t_nanode(config: ImageTNanodeConfig, shape: tuple[int, ...], classes: int) -> Model:
    """ẋ = F(x, K(t)), K(t) = A_0 + Σ_n A_n cos nt + B_n sin nt."""
    make = partial(trigonometric, degree=config.degree, period=config.period)
    return image_network(config, shape, classes, make)


class ImageFlowModelConfig(TrajectoryOptions, ImageFlowConfig, frozen=True):
    """A flow of images with kernels along any trajectory, one of your own too."""

    name: Literal["image_flow"] = "image_flow"
    trajectory: Annotated[str, TRAJECTORIES] = "trigonometric"
    """The trajectory of the kernels' square blocks: a name from `odes-rl list trajectories`, or `module:object`."""


def image_flow(config: ImageFlowModelConfig, shape: tuple[int, ...], classes: int) -> Model:
    """ẋ = F(x, K(t)), with kernels along the trajectory."""
    make = partial(named_trajectory, config, times=left_nodes(config.steps), section="model")
    return image_network(config, shape, classes, make)
