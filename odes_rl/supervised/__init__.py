"""Supervised learning: data, models, and the learner. Gradients in place of evolution strategies."""

from odes_rl.supervised.config import DataConfig, OptimizerConfig
from odes_rl.supervised.data.dataset import Dataset, Split, make_dataset, make_split
from odes_rl.supervised.data.loading import load_dataset
from odes_rl.supervised.data.moving import moving_digits, read_moving
from odes_rl.supervised.learner import EpochInfo, FitState, Learner, Plan, Point, make_learner
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
    model_config_class,
    nanode_model,
    node,
    ode_to_ode_model,
)
from odes_rl.supervised.models.affine_layer import AFFINE, affine, init_affine
from odes_rl.supervised.models.flow import FlowModelConfig, flow_model
from odes_rl.supervised.models.images.config import ImageFlowConfig, ImageModelConfig, ImageResNetConfig
from odes_rl.supervised.models.images.network import image_network
from odes_rl.supervised.models.model import HiddenLayers, Model, ModelConfig, ModelFamily, Params, Trace

__all__ = [
    "AFFINE",
    "MODELS",
    "DataConfig",
    "Dataset",
    "DenseConfig",
    "EpochInfo",
    "FitState",
    "FlowModelConfig",
    "HiddenLayers",
    "HyperNetModelConfig",
    "ImageFlowConfig",
    "ImageModelConfig",
    "ImageResNetConfig",
    "Learner",
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
    "Split",
    "Trace",
    "affine",
    "dense",
    "flow_model",
    "hyper_net_model",
    "image_network",
    "init_affine",
    "input_shape",
    "load_dataset",
    "make_dataset",
    "make_learner",
    "make_model",
    "make_split",
    "model_config_class",
    "moving_digits",
    "nanode_model",
    "node",
    "ode_to_ode_model",
    "read_moving",
]
