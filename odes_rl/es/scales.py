"""A scale for each leaf: how far candidates move it, as a multiple of sigma."""

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from odes_rl.errors import UserError
from odes_rl.es.shaping import centred_ranks, standardised
from odes_rl.manifolds import Euclidean, Frozen


class Adaptation(NamedTuple):
    """How scales are learned: as policy gradients with parameter-based exploration learn deviations.

    A scale grows if directions that were long in its entries did better than others (Sehnke et al. 2010, §2.3; Toklu,
    Liskowski & Srivastava 2020, §2). Ranks of the directions' mean fitness take the place of the fitness.

    Attributes:
        rate: of the learning.
        limit: of the relative change in one generation, above 0 and below 1.
        entries: True for a scale of each entry of a Euclidean leaf. A leaf on a manifold has one scale: its tangent
            space has no entries of its own.
    """

    rate: float = 0.1
    limit: float = 0.2
    entries: bool = False


def check_adaptation(adaptation: object) -> None:
    """Raise UserError unless it is None, or an `Adaptation` with numbers in their ranges."""
    if adaptation is None:
        return
    if not isinstance(adaptation, Adaptation):
        raise UserError(f"adaptation is {adaptation!r}, but must be odes_rl.Adaptation(), or None")
    rate, limit, _ = adaptation
    real = (int, float, np.number, jax.Array)
    if not isinstance(rate, real) or not isinstance(limit, real) or not rate > 0 or not 0 < limit < 1:
        raise UserError(f"adaptation is {adaptation!r}, but its rate must be above 0, its limit between 0 and 1")


def first_scales(scales: Any, params: Any, manifolds: Any, adaptation: Adaptation | None) -> Any:
    """`scales` as a tree that mirrors `params`, float32; None if there are none and none is learned.

    Raises:
        UserError: if they do not mirror the parameters, one is not above 0, or a leaf on a manifold has more than one.
    """
    if scales is None and adaptation is None:
        return None
    try:
        scales = jax.tree.broadcast(1.0 if scales is None else scales, params)
    except ValueError:
        raise UserError(
            f"scales are {jax.tree.structure(scales)}, but params are {jax.tree.structure(params)}: "
            "give one scale for all leaves, or one for each"
        ) from None
    entries = adaptation is not None and adaptation.entries
    return jax.tree.map(lambda *leaf: _first_scale(entries, *leaf), manifolds, params, scales)


def _first_scale(entries: bool, manifold: Any, leaf: jax.Array, scale: Any) -> jax.Array:
    if not isinstance(scale, Tracer):
        _check_scale(scale)
    scale = jnp.asarray(scale, jnp.float32)
    flat = isinstance(manifold, Euclidean)
    if scale.shape not in ({(), leaf.shape} if flat else {()}):
        allowed = f"() or {leaf.shape}" if flat else "(), since the leaf lies on a manifold"
        raise UserError(f"a scale is of shape {scale.shape}, but must be {allowed}")
    return jnp.broadcast_to(scale, leaf.shape) if entries and flat else scale


def _check_scale(scale: Any) -> None:
    try:
        values = np.asarray(scale, np.float32)
    except (TypeError, ValueError):
        raise UserError(f"a scale is {scale!r}, but must be a number") from None
    wrong = ~((values > 0) & np.isfinite(values))
    if wrong.any():
        raise UserError(
            f"a scale is {values[wrong][0]}, but must be above 0: a leaf that stays has the manifold Frozen()"
        )


def scaled(scales: Any, tree: Any) -> Any:
    """Each leaf of `tree` times its scale; `tree` itself if `scales` are None."""
    return tree if scales is None else jax.tree.map(lambda scale, leaf: scale.astype(leaf.dtype) * leaf, scales, tree)


def scaled_step(scales: Any, step: Any) -> Any:
    """A `Step` whose coordinates are times their scales; `step` itself if `scales` are None."""
    return step if scales is None else replace(step, coordinates=scaled(scales, step.coordinates))


def with_scaled_penalties(scales: Any, manifolds: Any, params: Any, gradient: Any) -> Any:
    """The `gradient` in units of the scales, such that `to_tangent` takes off it what penalties have in these units.

    λ‖θ‖² has the gradient 2λ f θ in units of f, and `Euclidean.to_tangent` takes off 2λ θ.
    """

    def of_leaf(manifold: Any, scale: jax.Array, point: jax.Array, leaf: jax.Array) -> jax.Array:
        penalty = getattr(manifold, "l2_penalty", 0.0)
        return leaf + (2 * penalty * (1 - scale) * point).astype(leaf.dtype) if penalty else leaf

    return gradient if scales is None else jax.tree.map(of_leaf, manifolds, scales, params, gradient)


def direction_utilities(fitness: jax.Array) -> jax.Array:
    """[P] ranks of the mean fitness of each direction, of mean 0 and variance 1, from fitness [P, signs]."""
    return standardised(centred_ranks(fitness.mean(axis=1)))


def adapted(adaptation: Adaptation, scales: Any, manifolds: Any, params: Any, excess: jax.Array) -> Any:
    """The scales after a generation.

    Args:
        adaptation: how fast.
        scales: before it.
        manifolds: of the leaves; what is frozen keeps its scale.
        params: the parameters.
        excess: [size] mean of u (ε² − 1) over the directions, for utilities u of unit size.
    """
    leaves, structure = jax.tree.flatten(params)
    pieces = jnp.split(excess, np.cumsum([leaf.size for leaf in leaves])[:-1])  # in its own type, whatever the leaves'
    changes = structure.unflatten([piece.reshape(leaf.shape) for piece, leaf in zip(pieces, leaves, strict=True)])

    def change(manifold: Any, scale: jax.Array, excess: jax.Array) -> jax.Array:
        if isinstance(manifold, Frozen) or not excess.size:
            return scale
        # ε² − 1, or its sum over n entries, has the variance 2 or 2n: of any number of entries the statistic is alike.
        one = scale.ndim == 0
        score = excess.sum() / jnp.sqrt(2.0 * excess.size) if one else excess / jnp.sqrt(2.0)
        limit = adaptation.limit
        return scale * (1 + jnp.clip(adaptation.rate * score, -limit, limit)).astype(scale.dtype)

    return jax.tree.map(change, manifolds, scales, changes)
