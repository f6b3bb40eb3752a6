"""Supervised learning: data, models, and the learner. Gradients in place of evolution strategies."""

from odes_rl.supervised.config import DataConfig, OptimizerConfig
from odes_rl.supervised.data.dataset import Dataset, Split, make_dataset, make_split
from odes_rl.supervised.data.loading import load_dataset
from odes_rl.supervised.data.moving import moving_digits, read_moving
from odes_rl.supervised.data.rows import Rows
from odes_rl.supervised.data.videos import VideoDataset, load_videos
from odes_rl.supervised.learner import EpochInfo, FitState, Learner, Measured, Plan, Point, make_learner
from odes_rl.supervised.models import (
    MODELS,
    DenseConfig,
    HyperNetModelConfig,
    NanodeModelConfig,
    NodeConfig,
    OdeToOdeModelConfig,
    dense,
    hyper_net_model,
    input_shape,
    make_model,
    make_video_model,
    model_config_class,
    nanode_model,
    node,
    ode_to_ode_model,
)
from odes_rl.supervised.models.affine_layer import AFFINE, affine, init_affine
from odes_rl.supervised.models.flow import FlowModelConfig, flow_model
from odes_rl.supervised.models.images.config import ImageFlowConfig, ImageModelConfig, ImageResNetConfig
from odes_rl.supervised.models.images.network import image_network
from odes_rl.supervised.models.learnable import Examples, Learnable, Measures
from odes_rl.supervised.models.model import HiddenLayers, Model, ModelConfig, ModelFamily, Params, Trace
from odes_rl.supervised.models.videos.config import VideoFlowConfig, VideoModelConfig
from odes_rl.supervised.models.videos.generation import video_generation
from odes_rl.supervised.models.videos.model import Terms, VideoModel

__all__ = [
    "AFFINE",
    "MODELS",
    "DataConfig",
    "Dataset",
    "DenseConfig",
    "EpochInfo",
    "Examples",
    "FitState",
    "FlowModelConfig",
    "HiddenLayers",
    "HyperNetModelConfig",
    "ImageFlowConfig",
    "ImageModelConfig",
    "ImageResNetConfig",
    "Learnable",
    "Learner",
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
    "Rows",
    "Split",
    "Terms",
    "Trace",
    "VideoDataset",
    "VideoFlowConfig",
    "VideoModel",
    "VideoModelConfig",
    "affine",
    "dense",
    "flow_model",
    "hyper_net_model",
    "image_network",
    "init_affine",
    "input_shape",
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
    "video_generation",
]
