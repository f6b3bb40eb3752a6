"""The functions of manifolds over whole trees of parameters, whose manifolds a tree mirrors."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from odes_rl.errors import UserError, one_line
from odes_rl.manifolds.euclidean import Euclidean
from odes_rl.manifolds.frozen import Frozen
from odes_rl.manifolds.stiefel import Metric

FAR = 1e-3
"""From a manifold: float32 leaves points much nearer, and another manifold's points lie further."""
_WRONG_SHAPE = (IndexError, TypeError, ValueError)
"""What `violation` raises of a leaf of a shape that no point has."""


def tree_to_tangent(manifolds: Any, params: Any, gradients: Any) -> Any:
    """Tangent coordinates of each leaf's Euclidean gradient."""
    return jax.tree.map(lambda m, *leaf: m.to_tangent(*leaf), manifolds, params, gradients)


def tree_horizontal(manifolds: Any, params: Any, tangents: Any) -> Any:
    """Each leaf's tangent coordinates less what does not move the point; a manifold without `horizontal` has none."""
    return jax.tree.map(
        lambda m, x, v: m.horizontal(x, v) if hasattr(m, "horizontal") else v, manifolds, params, tangents
    )


def tree_exp(manifolds: Any, params: Any, tangents: Any) -> Any:
    """Each leaf moved along its tangent coordinates."""
    return jax.tree.map(lambda m, *leaf: m.exp(*leaf), manifolds, params, tangents)


def tree_perturb(manifolds: Any, params: Any, noise: Any, scale: jax.Array | float) -> Any:
    """Each leaf moved on its manifold along `scale` times its ambient noise."""
    return jax.tree.map(lambda m, *leaf: m.perturb(*leaf, scale), manifolds, params, noise)


def tree_ambient(manifolds: Any) -> Any:
    """The spaces around each leaf's manifold, in which it moves freely; what is frozen stays so."""
    return jax.tree.map(lambda manifold: manifold if isinstance(manifold, Frozen) else Euclidean(), manifolds)


def tree_in_metric(manifolds: Any, metric: Metric) -> Any:
    """The same manifolds with that metric, where there is a choice."""
    return jax.tree.map(lambda m: replace(m, metric=metric) if hasattr(m, "metric") else m, manifolds)


def off_manifold(manifolds: Any, params: Any) -> str | None:
    """Which leaf of `params` does not lie on its manifold, in words. None if all do, or while JAX traces them."""
    named, _ = jax.tree_util.tree_flatten_with_path(params)
    for (path, leaf), manifold in zip(named, jax.tree.leaves(manifolds), strict=True):
        if found := _off(manifold, leaf):
            return f"params{jax.tree_util.keystr(path)} {found}"
    return None


def not_floats(params: Any) -> str | None:
    """Which leaf of `params`, arrays or their shapes, does not hold floats, in words. None if all do."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            return f"params{jax.tree_util.keystr(path)} is of {leaf.dtype}, but must be floats"
    return None


def check_first_params(owner: str, manifolds: Any, params: Any) -> None:
    """Check that the first `params` of an `owner`, as in "policy", lie on their manifolds.

    Raises:
        UserError: if a leaf does not.
    """
    jax.tree.map(lambda manifold, leaf: None, manifolds, params)  # raises where the structures differ
    try:
        violation = jax.jit(partial(tree_violation, manifolds))(params)  # quicker than leaf by leaf, where all is well
    except _WRONG_SHAPE:
        violation = jnp.inf
    if not violation <= FAR and (found := off_manifold(manifolds, params)):
        raise UserError(f"the {owner}'s {found}: its init must give a point of it, as manifold.random(key, shape) does")


def _off(manifold: Any, leaf: jax.Array) -> str | None:
    """What keeps `leaf` from being a point of `manifold`, in words."""
    try:
        distance, size = manifold.violation(leaf), jnp.abs(leaf).max(initial=1.0)
    except _WRONG_SHAPE as error:
        return f"is of shape {leaf.shape}, which the manifold {manifold} does not hold ({one_line(error)})"
    if isinstance(distance, Tracer) or isinstance(size, Tracer):
        return None
    if not float(distance) <= max(FAR, 100 * float(jnp.finfo(leaf.dtype).eps) * float(size)):
        return f"lies {float(distance):.2g} off the manifold {manifold}"
    if hasattr(manifold, "inside") and not manifold.inside(leaf):
        return f"lies on the boundary of the manifold {manifold}, not inside"
    return None


def tree_violation(manifolds: Any, params: Any) -> jax.Array:
    """Scalar: the largest violation of any leaf; 0 for an empty tree."""
    violations = jax.tree.leaves(jax.tree.map(lambda m, leaf: m.violation(leaf), manifolds, params))
    return jnp.max(jnp.stack(violations)) if violations else jnp.zeros(())
