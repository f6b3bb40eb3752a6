"""A generation's candidates: the parameters moved along random directions."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh

from odes_rl.es.population import by_parts, group_count, over_devices
from odes_rl.es.scales import scaled
from odes_rl.manifolds import Euclidean, Manifold


def perturbed(
    params: Any,
    spaces: Any,
    scales: jax.Array,
    seeds: jax.Array,
    directions: Callable[[jax.Array], jax.Array],
    mesh: Mesh | None = None,
    leaf_scales: Any = None,
) -> Any:
    """Leaves [P · signs, …] of the parameters' dtypes: moved along each direction by each scale, signs side by side.

    Args:
        params: the current parameters.
        spaces: a manifold for each leaf, on which it moves.
        scales: [signs], what noise is multiplied by.
        seeds: [P, …] of the directions.
        directions: `directions(seeds [R, …]) -> [R, size]`, with the parameters' entries in one row.
        mesh: devices that share the directions.
        leaf_scales: what the noise of each leaf is multiplied by besides; None for 1.
    """
    count = len(seeds)

    def moved(device: jax.Array | int, shared: tuple[Any, jax.Array, Any], seeds: jax.Array) -> Any:
        params, scales, leaf_scales = shared
        flat, unravel = ravel_pytree(params)
        noise = scaled(leaf_scales, jax.vmap(unravel)(directions(seeds).astype(flat.dtype)))
        return jax.tree.map(partial(_moved, count // group_count(count), device, scales), spaces, params, noise)

    candidates = over_devices(moved, mesh, (params, scales, leaf_scales), seeds)
    return jax.tree.map(lambda leaf: leaf.reshape(count * scales.size, *leaf.shape[2:]), candidates)


def _moved(
    part: int, device: jax.Array | int, scales: jax.Array, manifold: Manifold, point: jax.Array, noise: jax.Array
) -> jax.Array:
    """[p, signs, …]: the point moved along each of `noise` [p, …] by each of `scales` [signs]."""

    def move(noise: jax.Array) -> jax.Array:
        # Signs inside: what depends on the direction alone is computed once for both.
        both = jax.vmap(manifold.perturb, in_axes=(None, None, 0))
        return jax.vmap(both, in_axes=(None, 0, None))(point, noise, scales).astype(point.dtype)

    if isinstance(manifold, Euclidean):
        return move(noise)  # a sum rounds alike in any shape, and is written but once
    return by_parts(move, part, noise, device)
