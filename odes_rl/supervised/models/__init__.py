"""Supervised models: one file for each architecture, and the registry."""

from collections.abc import Sequence
from math import prod
from typing import cast

from odes_rl.errors import UserError
from odes_rl.parts import Registry, by_name
from odes_rl.supervised.models.dense import DenseConfig, dense
from odes_rl.supervised.models.fields import (
    BaseOdeModelConfig,
    GatedKernelsModelConfig,
    base_ode_model,
    gated_kernels_model,
)
from odes_rl.supervised.models.hyper_net import HyperNetModelConfig, hyper_net_model
from odes_rl.supervised.models.images.nanodes import (
    ImageBNanodeConfig,
    ImageFlowModelConfig,
    ImageTNanodeConfig,
    image_b_nanode,
    image_flow,
    image_t_nanode,
)
from odes_rl.supervised.models.images.residual_networks import (
    ImageAppNodeConfig,
    ImageAutoConfig,
    ImageConResNetConfig,
    ImageUnconResNetConfig,
    image_app_node,
    image_auto,
    image_con_res_net,
    image_uncon_res_net,
)
from odes_rl.supervised.models.linear import LinearModelConfig, linear_model
from odes_rl.supervised.models.model import Model, ModelConfig, ModelFamily
from odes_rl.supervised.models.nanode import NanodeModelConfig, nanode_model
from odes_rl.supervised.models.node import AppNodeModelConfig, NodeConfig, app_node_model, node
from odes_rl.supervised.models.ode_to_ode import OdeToOdeModelConfig, ode_to_ode_model
from odes_rl.supervised.models.residual_networks import (
    ConResNetModelConfig,
    UnconResNetModelConfig,
    con_res_net_model,
    uncon_res_net_model,
)
from odes_rl.supervised.models.trajectory_flow import TrajectoryFlowModelConfig, trajectory_flow_model
from odes_rl.supervised.models.videos.config import VideoModelConfig
from odes_rl.supervised.models.videos.forms import (
    VideoAutoConfig,
    VideoNanodeConfig,
    VideoSvgConfig,
    video_auto,
    video_nanode,
    video_svg,
)
from odes_rl.supervised.models.videos.model import VideoModel

MODELS = Registry(
    "model",
    "models",
    ModelFamily,
    by_name(
        ModelFamily(OdeToOdeModelConfig, ode_to_ode_model),
        ModelFamily(NodeConfig, node),
        ModelFamily(AppNodeModelConfig, app_node_model),
        ModelFamily(NanodeModelConfig, nanode_model),
        ModelFamily(HyperNetModelConfig, hyper_net_model),
        ModelFamily(BaseOdeModelConfig, base_ode_model),
        ModelFamily(GatedKernelsModelConfig, gated_kernels_model),
        ModelFamily(TrajectoryFlowModelConfig, trajectory_flow_model),
        ModelFamily(ConResNetModelConfig, con_res_net_model),
        ModelFamily(UnconResNetModelConfig, uncon_res_net_model),
        ModelFamily(DenseConfig, dense),
        ModelFamily(LinearModelConfig, linear_model),
        ModelFamily(ImageFlowModelConfig, image_flow, takes="images"),
        ModelFamily(ImageAutoConfig, image_auto, takes="images"),
        ModelFamily(ImageAppNodeConfig, image_app_node, takes="images"),
        ModelFamily(ImageConResNetConfig, image_con_res_net, takes="images"),
        ModelFamily(ImageUnconResNetConfig, image_uncon_res_net, takes="images"),
        ModelFamily(ImageBNanodeConfig, image_b_nanode, takes="images"),
        ModelFamily(ImageTNanodeConfig, image_t_nanode, takes="images"),
        ModelFamily(VideoSvgConfig, video_svg, takes="videos"),
        ModelFamily(VideoAutoConfig, video_auto, takes="videos"),
        ModelFamily(VideoNanodeConfig, video_nanode, takes="videos"),
    ),
)
"""All models by name."""


def model_config_class(name: str) -> type[ModelConfig]:
    """The class of the options of the model called `name`.

    Raises:
        UserError: if there is none.
    """
    return MODELS.find(name).config


def input_shape(name: str, shape: Sequence[int]) -> tuple[int, ...]:
    """How the model called `name` takes an image of `shape` (h, w) or (h, w, n): (h, w, n), or as one vector (hwn,).

    Raises:
        UserError: if there is no such model.
    """
    height, width, *channels = shape
    whole = (height, width, *(channels or (1,)))
    return (prod(whole),) if MODELS.find(name).takes == "vectors" else whole


def make_model(config: ModelConfig, inputs: int | Sequence[int], output_size: int) -> Model:
    """The classifier that `config` describes, from inputs [n], or of images from (h, w, n), to outputs [k].

    Raises:
        UserError: if the model is one of images, and `inputs` is no shape of them; or if it is one of videos.
    """
    family, shape = MODELS.find(config.name), (inputs,) if isinstance(inputs, int) else tuple(inputs)
    if family.takes == "videos":
        raise UserError(f"{config.name} is a model of videos, which has no outputs to choose: use make_video_model")
    if family.takes == "images" and len(shape) != 3:
        raise UserError(f"inputs are {inputs}, but {config.name} is a model of images: give (height, width, channels)")
    return cast(Model, family.build(config, shape if family.takes == "images" else prod(shape), output_size))


def make_video_model(config: VideoModelConfig, shape: Sequence[int]) -> VideoModel:
    """The model of videos that `config` describes, of frames of `shape` (h, w, n).

    Raises:
        UserError: if frames of that shape cannot be halved to 4 × 4.
    """
    return cast(VideoModel, MODELS.find(config.name).build(config, tuple(shape)))
