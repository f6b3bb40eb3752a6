"""All that `odes-rl inspect` finds out about a fitted model of images."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from odes_rl.config.schema import FitConfig
from odes_rl.errors import UserError
from odes_rl.inspection.weights import Weights, singular_values
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.supervised.models.model import Model
from odes_rl.training.fit import restore_fit
from odes_rl.training.fitting import TEST

_EXAMPLES, _AT_ONCE = 100, 20
"""Test examples that are looked at, at the most, and at the same time."""


class ImageInspection(NamedTuple):
    """A fitted model of images, of S stages of L steps; K = S(L + 1) states, one stage after another.

    Attributes:
        title: which model it is.
        norms: [K, B] root mean square of the states' entries, for B test examples.
        ratios: [K, B] ‖∂L/∂x_k‖ / ‖∂L/∂x_K‖ of each example's cross-entropy L.
        weights: kernels through depth as matrices [m, k²n], their distance from orthonormal rows and their singular
            values, NaN beyond those of a stage with fewer channels.
        stages: S.
    """

    title: str
    norms: np.ndarray
    ratios: np.ndarray
    weights: Weights
    stages: int


def look_into_images(run: RunDirectory[FitConfig], seed: int = 0) -> ImageInspection:
    """Look into the model of images in the latest checkpoint of `run`, with test examples drawn by `seed`.

    Raises:
        UserError: if there is no such checkpoint or no data, or the model is not finite.
    """
    fitting, state = restore_fit(run)
    model, (images, labels) = fitting.model, fitting.evaluated[TEST]
    if not isinstance(model, Model) or model.trace is None or model.kernels is None:
        raise UserError(f"{str(run.path)!r}: the model {run.config.model.name} has no trace or no kernels to inspect")
    seen = np.random.default_rng(seed).permutation(len(labels))[:_EXAMPLES]
    look = jax.jit(partial(_look, model, state.params))
    parts = [look(images[some], labels[some]) for some in np.array_split(seen, -(-len(seen) // _AT_ONCE))]
    norms, gradients = (np.concatenate(found, axis=1).astype(np.float64) for found in zip(*parts, strict=True))
    if not (np.isfinite(norms).all() and np.isfinite(gradients).all()):
        raise UserError(f"{str(run.path)!r}: hidden states or gradients are not finite: training diverged")
    told = gradients[-1] > 0
    if not told.any():
        raise UserError(f"{str(run.path)!r}: no example has a gradient: the loss of each is 0, or depends on no state")
    return ImageInspection(
        title=f"{run.config.model.name} on {Path(run.config.data.source).name}, epoch {int(state.epoch)}",
        norms=norms,
        ratios=gradients[:, told] / gradients[-1, told],
        weights=_kernels(model, state.params),
        stages=len(jax.eval_shape(model.kernels, state.params)),
    )


def describe_images(inspection: ImageInspection) -> list[str]:
    """Lines that summarise the figure."""
    norms, ratios, weights, stages = inspection.norms, inspection.ratios[0], inspection.weights, inspection.stages
    first, last = np.median(norms[[0, -1]], axis=1)
    return [
        f"{inspection.title}: {norms.shape[1]} test examples",
        f"hidden images through {stages} {'stages' if stages > 1 else 'stage'} of {len(norms) // stages - 1} steps, "
        f"root mean square of their entries from {first:.3g} to {last:.3g} (median)",
        f"gradients at the start of depth {np.nanmin(ratios):.3g} to {np.nanmax(ratios):.3g} of those at its end",
        f"{len(weights.distance)} kernels, distance from orthonormal rows at most {weights.distance.max():.2g}",
        f"singular values from {np.nanmin(weights.singular_values):.3g} to {np.nanmax(weights.singular_values):.3g}",
    ]


def _look(model: Model, params: Any, images: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
    """[K, B] sizes of the states, and of the gradients of each example's cross-entropy with respect to them."""
    assert model.trace is not None
    inputs, trace = images / jnp.float32(255), model.trace
    shapes = jax.eval_shape(lambda: trace(params, inputs, None)).states

    def loss(shifts: list[jax.Array]) -> tuple[jax.Array, list[jax.Array]]:
        found = trace(params, inputs, shifts)
        return jnp.sum(optax.softmax_cross_entropy_with_integer_labels(found.outputs, labels)), found.states

    gradients, states = jax.grad(loss, has_aux=True)([jnp.zeros(shape.shape) for shape in shapes])
    sizes = [jnp.sqrt(jnp.mean(x**2, axis=(2, 3, 4))) for x in states]
    lengths = [jnp.sqrt(jnp.sum(g**2, axis=(2, 3, 4))) for g in gradients]
    return jnp.concatenate(sizes), jnp.concatenate(lengths)


def _kernels(model: Model, params: Any) -> Weights:
    assert model.kernels is not None
    stages = [np.asarray(matrices) for stage in jax.jit(model.kernels)(params) for matrices in stage]
    most = max(min(matrices.shape[1:]) for matrices in stages)
    values = [singular_values(matrices) for matrices in stages]
    padded = [np.pad(v, ((0, 0), (0, most - v.shape[1])), constant_values=np.nan) for v in values]
    distances = [np.abs(v**2 - 1).max(axis=1) for v in values]
    return Weights(np.concatenate(distances), np.concatenate(padded), None)
