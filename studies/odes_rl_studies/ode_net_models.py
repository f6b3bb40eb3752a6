"""The classifiers of the study `ode_net`: one hidden layer, a residual network, RK-Net and ODE-Net."""

from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
from jax import lax
from pydantic import Field

from odes_rl.continuous import (
    AFFINE,
    Inputs,
    Solving,
    affine,
    at_places,
    continuous_network,
    convolution_field,
    counting,
    in_turn,
    init_affine,
    linear,
)
from odes_rl.continuous import Field as VectorField
from odes_rl.supervised import DenseConfig, dense
from odes_rl_studies.costs import Count
from odes_rl_studies.digits import Classifier
from odes_rl_studies.images import Images, ImagesConfig, make_stem

Model = Literal["one hidden layer", "ResNet", "RK-Net", "ODE-Net"]
MODELS: tuple[Model, ...] = ("one hidden layer", "ResNet", "RK-Net", "ODE-Net")


class OdeNetConfig(ImagesConfig, frozen=True):
    """ODE-Net beside RK-Net, ResNet and one hidden layer: error, parameters, memory, evaluations of the field."""

    study: Literal["ode_net"] = "ode_net"
    models: tuple[Model, ...] = Field(default=MODELS, min_length=1)
    """Which."""
    channels: int = Field(default=16, ge=1)
    """Of the state, to which a patch is mapped by an affine layer, or a `strided` stem leads."""
    groups: int | None = Field(default=None, ge=1)
    """Groups of channels over which fields normalise before each of their convolutions; none does not normalise."""
    blocks: int = Field(default=6, ge=1)
    """Of the ResNet, each with parameters of its own; as many steps has the RK-Net."""
    hidden: int = Field(default=300, ge=1)
    """Units of the one hidden layer."""
    tolerances: tuple[Annotated[float, Field(ge=1e-5)], ...] = Field(
        default=(1e-1, 1e-2, 1e-3, 1e-4, 1e-5), min_length=1
    )
    """With which the trained ODE-Net is solved again, if it is among the models."""


def build(
    name: Model, config: OdeNetConfig, images: Images, tolerance: float | None = None, count: Count | None = None
) -> Classifier:
    """The classifier of that name, of images [B, side, side, 1].

    `ResNet` is z ← z + F_k(z), k = 1..blocks; `RK-Net` ż = F(t, z) by as many steps of `midpoint`, differentiated as
    they stand; `ODE-Net` the same by `dopri5`, differentiated by the adjoint equation. The three start from the stem,
    with an affine map of each patch if it cuts. `tolerance` takes the place of the config's, `count` is called at each
    evaluation of the ODE-Net.
    """
    if name == "one hidden layer":
        options = DenseConfig(width=config.hidden, activation="relu")
        model = dense(options, images.side**2, images.classes)
        return Classifier(
            model.init, model.manifolds, lambda params, x: model.apply(params, x.reshape(x.shape[0], -1), None)
        )
    inputs = _inputs(config, images)
    field = convolution_field(
        config.channels, config.width, activation=config.activation, time=name != "ResNet", groups=config.groups
    )
    if name == "ResNet":
        return _residual(inputs, field, config.blocks, images.classes)
    if count is not None:
        field = field._replace(apply=counting(field.apply, count))
    solving = {
        "RK-Net": Solving(solver="midpoint", solver_steps=config.blocks, adjoint="direct"),
        "ODE-Net": Solving(tolerance=tolerance or config.tolerance, adjoint="backsolve"),
    }[name]
    network = continuous_network(inputs, field, images.classes, solving)
    return Classifier(network.init, network.manifolds, lambda params, x: network.apply(params, x)[0])


def _inputs(config: OdeNetConfig, images: Images) -> Inputs:
    stem = make_stem(config, images)
    if config.stem == "strided":
        return stem.inputs
    return in_turn(stem.inputs, at_places(linear(stem.channels, config.channels), stem.places))


def _residual(inputs: Inputs, block: VectorField, blocks: int, classes: int) -> Classifier:
    """Blocks z ← z + F_k(z) with the field of each block, whose parameters have an axis [blocks] before their own."""
    manifolds = {"inputs": inputs.manifolds, "blocks": block.manifolds, "output": AFFINE}

    def init(key: jax.Array) -> Any:
        first, middle, last = jax.random.split(key, 3)
        return {
            "inputs": inputs.init(first),
            "blocks": jax.vmap(block.init)(jax.random.split(middle, blocks)),
            "output": init_affine(last, inputs.size, classes),
        }

    def apply(params: Any, x: jax.Array) -> jax.Array:
        def advance(z: jax.Array, block_params: Any) -> tuple[jax.Array, None]:
            return z + block.apply(block.prepare(block_params), jnp.zeros(()), z, x), None

        z, _ = lax.scan(advance, inputs.apply(params["inputs"], x), params["blocks"])
        return affine(params["output"], z.reshape(z.shape[0], -1))

    return Classifier(init, manifolds, apply)
