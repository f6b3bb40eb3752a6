"""ClipUp: steps of bounded length, whatever the size of the gradient."""

from typing import Any

import jax
import jax.numpy as jnp
import optax


def clip_up(momentum: float = 0.9, step: float = 0.5) -> optax.GradientTransformation:
    """The optax transformation ClipUp, of unit greatest speed, without sign (Toklu et al. 2020, algorithm 2).

    v ← m v + step · g/‖g‖, then v/‖v‖ where ‖v‖ > 1. Times a learning rate, which is then the greatest speed v_max, the
    updates are at most that long: in the paper σ√d is about 15 v_max. Norms are of the whole tree.

    Args:
        momentum: m, the share of the velocity that stays.
        step: length of a gradient, as a share of the greatest speed.
    """

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        near = _near_one(updates)
        length = optax.tree.norm(near)
        share = step / jnp.where(length > 0, length, 1.0)
        moved = jax.tree.map(lambda v, g: momentum * v + (share * g).astype(v.dtype), state, near)
        slower = 1 / jnp.maximum(optax.tree.norm(moved), 1.0)
        clipped = jax.tree.map(lambda v: (slower * v).astype(v.dtype), moved)
        return clipped, clipped

    return optax.GradientTransformation(lambda params: optax.tree.zeros_like(params), update)


def _near_one(updates: Any) -> Any:
    """`updates` over the power of two, of float32, that brings the largest near 1: their squares are numbers."""
    sizes = [jnp.abs(leaf).max(initial=0.0).astype(jnp.float32) for leaf in jax.tree.leaves(updates)]
    largest = jnp.stack([jnp.zeros(()), *sizes]).max()
    exponent = jnp.clip(jnp.frexp(largest)[1], -126, 126)  # whose powers are normal numbers
    return jax.tree.map(lambda leaf: jnp.ldexp(leaf, -exponent), updates)
