"""The three forms of the model of videos (Davis et al. 2020, Table 2)."""

from functools import partial
from typing import Literal

from pydantic import Field

from odes_rl.flows.trajectories.constant import constant
from odes_rl.flows.trajectories.trigonometric import trigonometric
from odes_rl.supervised.models.videos.config import VideoFlowConfig, VideoModelConfig
from odes_rl.supervised.models.videos.generation import video_generation
from odes_rl.supervised.models.videos.model import VideoModel
from odes_rl.supervised.models.videos.stage import flow_rest, plain_rest


class VideoSvgConfig(VideoModelConfig, frozen=True):
    """Stochastic video generation with a learned prior; "SVG" of Davis et al. 2020."""

    name: Literal["video_svg"] = "video_svg"


def video_svg(config: VideoSvgConfig, shape: tuple[int, ...]) -> VideoModel:
    """Blocks of three convolutions."""
    return video_generation(config, shape, plain_rest(config))


class VideoAutoConfig(VideoFlowConfig, frozen=True):
    """Video generation with flows in place of two of three convolutions, with the same kernels at all times; "Auto"."""

    name: Literal["video_auto"] = "video_auto"


def video_auto(config: VideoAutoConfig, shape: tuple[int, ...]) -> VideoModel:
    """Blocks of a convolution and ẋ = K ∗ f(N(x))."""
    return video_generation(config, shape, flow_rest(config, constant))


class VideoNanodeConfig(VideoFlowConfig, frozen=True):
    """Video generation with flows whose kernels are trigonometric polynomials of time; "NANODE"."""

    name: Literal["video_nanode"] = "video_nanode"
    degree: int = Field(default=3, ge=0)
    """Degree d of the trigonometric polynomials: 2d + 1 kernels."""
    period: float | None = Field(default=None, gt=0)
    """Period of the slowest cosine; none is 2π, as printed, of which times from 0 to 1 see a sixth."""


def video_nanode(config: VideoNanodeConfig, shape: tuple[int, ...]) -> VideoModel:
    """Blocks of a convolution and ẋ = K(t) ∗ f(N(x)), K(t) = A_0 + Σ_n A_n cos nt + B_n sin nt."""
    make = partial(trigonometric, degree=config.degree, period=config.period)
    return video_generation(config, shape, flow_rest(config, make))
