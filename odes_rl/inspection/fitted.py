"""All that `odes-rl inspect` finds out about a fitted model."""

from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from odes_rl.config.schema import FitConfig
from odes_rl.errors import UserError
from odes_rl.inspection.depth import Bounds, gradient_bounds
from odes_rl.inspection.layerwise import Depth, look_through
from odes_rl.inspection.weights import Weights, look_at_weights
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.supervised.models.flow import FlowModelConfig
from odes_rl.supervised.models.model import Model
from odes_rl.training.fit import restore_fit
from odes_rl.training.fitting import TEST

_EXAMPLES = 500
"""Test examples that are looked at, at the most."""


class FittedInspection(NamedTuple):
    """A fitted model of L hidden layers after the first.

    Attributes:
        title: which model it is.
        depth: states, gradients and sensitivities, with some of the test examples.
        bounds: between which orthogonal weights keep the gradients of a flow in steps of 1/L; None for other networks.
        weights: W_1 to W_L.
    """

    title: str
    depth: Depth
    bounds: Bounds | None
    weights: Weights


def look_into_fit(run: RunDirectory[FitConfig], seed: int = 0) -> FittedInspection:
    """Look into the model in the latest checkpoint of `run`, with test examples drawn by `seed`.

    Raises:
        UserError: if there is no such checkpoint or no data, or the model has no depth, or is not finite.
    """
    fitting, state = restore_fit(run)
    name, source, path = run.config.model.name, Path(run.config.data.source).name, str(run.path)
    model = fitting.model
    if not isinstance(model, Model) or model.layers is None:
        raise UserError(f"{path!r}: the model {name} has no layers with one matrix each, which could be inspected")
    layers = model.layers(state.params)
    count = len(layers.weights)
    if not count:
        raise UserError(f"{path!r}: the model {name} with one hidden layer has no depth to inspect")
    images, labels = fitting.evaluated[TEST]
    seen = np.random.default_rng(seed).permutation(len(labels))[:_EXAMPLES]
    is_flow = isinstance(run.config.model, FlowModelConfig)
    inputs = images[seen] / np.float32(255)
    try:
        depth = look_through(layers, inputs, labels[seen])
    except UserError as error:
        raise UserError(f"{path!r}: {error}") from None
    return FittedInspection(
        title=f"{name} on {source}, epoch {int(state.epoch)}",
        depth=depth,
        bounds=gradient_bounds(count, euler=True) if is_flow and layers.step == 1 / count else None,
        weights=look_at_weights(jax.device_get(state.params), np.asarray(layers.weights)),
    )
