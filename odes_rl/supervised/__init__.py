"""Supervised learning: data, models, and the learner. Gradients in place of evolution strategies."""

from odes_rl.supervised.augmenting import cropped, flipped
from odes_rl.supervised.config import DataConfig, OptimizerConfig
from odes_rl.supervised.data.dataset import Dataset, Split, make_dataset, make_split
from odes_rl.supervised.data.loading import load_dataset
from odes_rl.supervised.data.moving import moving_digits, read_moving
from odes_rl.supervised.data.rows import Rows
from odes_rl.supervised.data.videos import VideoDataset, load_videos
from odes_rl.supervised.learner import EpochInfo, FitState, Learner, Measured, Plan, Point, make_learner
from odes_rl.supervised.models import (
    MODELS,
    AppNodeModelConfig,
    BaseOdeModelConfig,
    ConResNetModelConfig,
    DenseConfig,
    GatedKernelsModelConfig,
    HyperNetModelConfig,
    LinearModelConfig,
    NanodeModelConfig,
    NodeConfig,
    OdeToOdeModelConfig,
    TrajectoryFlowModelConfig,
    UnconResNetModelConfig,
    app_node_model,
    base_ode_model,
    con_res_net_model,
    dense,
    gated_kernels_model,
    hyper_net_model,
    input_shape,
    linear_model,
    make_model,
    make_video_model,
    model_config_class,
    nanode_model,
    node,
    ode_to_ode_model,
    trajectory_flow_model,
    uncon_res_net_model,
)
from odes_rl.supervised.models.affine_layer import AFFINE, affine, init_affine
from odes_rl.supervised.models.flow import FlowModelConfig, ResNetModelConfig, flow_model
from odes_rl.supervised.models.images.config import ImageFlowConfig, ImageModelConfig, ImageResNetConfig
from odes_rl.supervised.models.images.kernels import kernel_field
from odes_rl.supervised.models.images.network import image_network
from odes_rl.supervised.models.learnable import Examples, Learnable, Measures
from odes_rl.supervised.models.model import HiddenLayers, Model, ModelConfig, ModelFamily, Params, Trace
from odes_rl.supervised.models.videos.config import VideoFlowConfig, VideoModelConfig
from odes_rl.supervised.models.videos.generation import video_generation
from odes_rl.supervised.models.videos.model import Terms, VideoModel

__all__ = [
    "AFFINE",
    "MODELS",
    "AppNodeModelConfig",
    "BaseOdeModelConfig",
    "ConResNetModelConfig",
    "DataConfig",
    "Dataset",
    "DenseConfig",
    "EpochInfo",
    "Examples",
    "FitState",
    "FlowModelConfig",
    "GatedKernelsModelConfig",
    "HiddenLayers",
    "HyperNetModelConfig",
    "ImageFlowConfig",
    "ImageModelConfig",
    "ImageResNetConfig",
    "Learnable",
    "Learner",
    "LinearModelConfig",
    "Measured",
    "Measures",
    "Model",
    "ModelConfig",
    "ModelFamily",
    "NanodeModelConfig",
    "NodeConfig",
    "OdeToOdeModelConfig",
    "OptimizerConfig",
    "Params",
    "Plan",
    "Point",
    "ResNetModelConfig",
    "Rows",
    "Split",
    "Terms",
    "Trace",
    "TrajectoryFlowModelConfig",
    "UnconResNetModelConfig",
    "VideoDataset",
    "VideoFlowConfig",
    "VideoModel",
    "VideoModelConfig",
    "affine",
    "app_node_model",
    "base_ode_model",
    "con_res_net_model",
    "cropped",
    "dense",
    "flipped",
    "flow_model",
    "gated_kernels_model",
    "hyper_net_model",
    "image_network",
    "init_affine",
    "input_shape",
    "kernel_field",
    "linear_model",
    "load_dataset",
    "load_videos",
    "make_dataset",
    "make_learner",
    "make_model",
    "make_split",
    "make_video_model",
    "model_config_class",
    "moving_digits",
    "nanode_model",
    "node",
    "ode_to_ode_model",
    "read_moving",
    "trajectory_flow_model",
    "uncon_res_net_model",
    "video_generation",
]
