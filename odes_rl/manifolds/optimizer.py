"""Any optax optimiser on a product of manifolds: project, optax, exponential map."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from odes_rl.errors import UserError
from odes_rl.manifolds.euclidean import Euclidean
from odes_rl.manifolds.manifold import Manifold
from odes_rl.manifolds.trees import off_manifold, tree_exp, tree_horizontal, tree_to_tangent


@partial(jax.tree_util.register_dataclass, data_fields=["coordinates"], meta_fields=["manifolds"])
@dataclass(frozen=True)
class Step:
    """A step in tangent coordinates, which `apply_updates` takes. A pytree: it can be measured, scaled and averaged.

    `optax.apply_updates` raises on it, where coordinates alone would be added to a square leaf without a word.

    Attributes:
        coordinates: a tree as the parameters', each leaf of its manifold's coordinates.
        manifolds: of its leaves, in order.
    """

    coordinates: Any
    manifolds: tuple[Manifold, ...]


def riemannian(
    optimizer: optax.GradientTransformation, manifolds: Any, *, maximise: bool = False, horizontal: bool = True
) -> optax.GradientTransformationExtraArgs:
    """Any optax `optimizer` over parameters whose leaves live on `manifolds`, a pytree that mirrors them.

    `update(gradients, state, params) -> (step, state)` takes Euclidean gradients of what is minimised, of the
    parameters' shapes, and needs the parameters; `apply_updates(params, step)` takes the step. Gradients become tangent
    coordinates, the optimiser works there, and what it adds of directions that move no point is projected out
    (Choromanski et al. 2020, §4.2, equation 8). Over Euclidean leaves alone it is the optimiser itself.

    As parameters the optimiser sees Euclidean leaves, and zeros for the others, whose points have no origin to decay
    to: the weight decay of `optax.adamw` acts on Euclidean leaves only. Wrappers that compare updates with gradients,
    such as `optax.apply_if_finite`, belong inside.

    Args:
        optimizer: elementwise and odd ones, as nearly all are, keep coordinates in their linear space.
        manifolds: one for each leaf.
        maximise: True if gradients are of what is to grow, such as returns. The sign is turned here and nowhere else.
        horizontal: False saves the projection, where an optimiser only scales: gradients have no such part.

    Raises:
        UserError: from `init`, if `manifolds` do not mirror the parameters, or one does not hold its leaf; from
            `update`, if it gets no parameters, or the optimizer is wrapped already.
    """
    inner = optax.with_extra_args_support(optimizer)

    def init(params: Any) -> optax.OptState:
        _check_manifolds(manifolds, params)
        coordinates = tree_to_tangent(manifolds, params, jax.tree.map(jnp.zeros_like, params))
        return inner.init(_seen(manifolds, params, coordinates))

    def update(updates: Any, state: optax.OptState, params: Any = None, **extra: Any) -> tuple[Any, optax.OptState]:
        if params is None:
            raise UserError("update got no params, but steps start from a point: call update(gradients, state, params)")
        descent = jax.tree.map(partial(_descent, maximise), manifolds, params, updates)
        coordinates, state = inner.update(descent, state, _seen(manifolds, params, descent), **extra)
        if isinstance(coordinates, Step):
            raise UserError("optimizer is wrapped by riemannian already: give the one of optax")
        if horizontal:
            coordinates = tree_horizontal(manifolds, params, coordinates)
        return Step(coordinates, tuple(jax.tree.leaves(manifolds))), state

    return optax.GradientTransformationExtraArgs(init, update)


def apply_updates(params: Any, updates: Any) -> Any:
    """Each leaf of `params` moved on its manifold along the `updates` of `riemannian`, in the leaf's dtype.

    Raises:
        UserError: if the updates are not a `Step`.
    """
    if not isinstance(updates, Step):
        raise UserError(
            f"updates are a {type(updates).__name__}, but must be the Step that odes_rl.riemannian gives; "
            "for an optimiser without manifolds use optax.apply_updates"
        )
    manifolds = jax.tree.unflatten(jax.tree.structure(params), updates.manifolds)
    moved = tree_exp(manifolds, params, updates.coordinates)
    return jax.tree.map(lambda new, old: new.astype(old.dtype), moved, params)


def _descent(maximise: bool, manifold: Manifold, point: jax.Array, gradient: jax.Array) -> jax.Array:
    """Tangent coordinates of the direction of descent that optax wants."""
    if maximise:
        return -manifold.to_tangent(point, gradient)
    # Linear in the gradient, but for a penalty, which manifolds take off an ascent direction.
    if getattr(manifold, "l2_penalty", 0.0):
        return -manifold.to_tangent(point, -gradient)
    return manifold.to_tangent(point, gradient)


def _seen(manifolds: Any, params: Any, coordinates: Any) -> Any:
    """Parameters for the inner optimiser, in the shapes of `coordinates`."""
    return jax.tree.map(
        lambda m, x, v: x if isinstance(m, Euclidean) else jnp.zeros_like(v), manifolds, params, coordinates
    )


def _check_manifolds(manifolds: Any, params: Any) -> None:
    leaves, structure = jax.tree.flatten(manifolds)
    wrong = [leaf for leaf in leaves if isinstance(leaf, type) or not hasattr(leaf, "to_tangent")]
    if wrong:
        raise UserError(f"a leaf of manifolds is {wrong[0]!r}, but must be a manifold: give Euclidean(), Stiefel(), …")
    if structure != jax.tree.structure(params):
        raise UserError(
            f"manifolds are {structure}, but params are {jax.tree.structure(params)}: give one manifold for each leaf"
        )
    if found := off_manifold(manifolds, params):
        raise UserError(f"{found}: start from a point of it, such as manifold.random(key, shape)")
