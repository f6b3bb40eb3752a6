"""Supervised models: one file for each architecture, and the registry."""

from odes_rl.parts import Registry, by_name
from odes_rl.supervised.models.dense import DenseConfig, dense
from odes_rl.supervised.models.hyper_net import HyperNetModelConfig, hyper_net_model
from odes_rl.supervised.models.model import Model, ModelConfig, ModelFamily
from odes_rl.supervised.models.nanode import NanodeModelConfig, nanode_model
from odes_rl.supervised.models.node import NodeConfig, node
from odes_rl.supervised.models.ode_to_ode import OdeToOdeModelConfig, ode_to_ode_model

MODELS = Registry(
    "model",
    "models",
    ModelFamily,
    by_name(
        ModelFamily(OdeToOdeModelConfig, ode_to_ode_model),
        ModelFamily(NodeConfig, node),
        ModelFamily(NanodeModelConfig, nanode_model),
        ModelFamily(HyperNetModelConfig, hyper_net_model),
        ModelFamily(DenseConfig, dense),
    ),
)
"""All models by name."""


def model_config_class(name: str) -> type[ModelConfig]:
    """The class of the options of the model called `name`.

    Raises:
        UserError: if there is none.
    """
    return MODELS.find(name).config


def make_model(config: ModelConfig, input_size: int, output_size: int) -> Model:
    """The model that `config` describes, from inputs [n] to outputs [k]."""
    return MODELS.find(config.name).build(config, input_size, output_size)
