"""Descent on a product of manifolds: one optax optimiser over tangent coordinates, and schedules of its step."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax

from odes_rl.manifolds import Euclidean, tree_horizontal

Optimizer = Literal["sgd", "momentum", "adam"]
Schedule = Literal["constant", "cosine", "inverse_sqrt"]
_COSINE_FLOOR = 0.01


def scheduled(kind: Schedule, value: float, horizon: int, elapsed: jax.Array) -> jax.Array:
    """Scalar: `value` as its schedule has it after `elapsed` updates.

    `inverse_sqrt` is τ^(−1/2) with τ = elapsed + 1 (theorem 1 of Choromanski et al. 2020).
    """
    elapsed = jnp.asarray(elapsed, jnp.float32)
    if kind == "cosine":
        return jnp.asarray(optax.cosine_decay_schedule(value, horizon, alpha=_COSINE_FLOOR)(elapsed))
    if kind == "inverse_sqrt":
        return value / jnp.sqrt(elapsed + 1.0)
    assert kind == "constant", kind
    return jnp.asarray(value, jnp.float32)


def tangent_optimizer(
    name: Optimizer, momentum: float, weight_decay: float, manifolds: Any
) -> optax.GradientTransformation:
    """The optimiser of a descent direction in tangent coordinates, of unit step length; only Euclidean leaves decay.

    `momentum` is the decay of the momentum, and the first decay rate of Adam. All that is left of a step moves the
    point: what an optimiser's memory, or its work entry by entry, adds of other directions is projected out
    (`Stiefel.horizontal`), so `update` needs the parameters.
    """
    directions = {
        "sgd": optax.identity,
        "momentum": lambda: optax.trace(momentum),
        "adam": lambda: optax.scale_by_adam(b1=momentum),
    }
    euclidean = jax.tree.map(lambda manifold: isinstance(manifold, Euclidean), manifolds)
    # A gradient's own coordinates are horizontal already.
    horizontal = optax.identity() if name == "sgd" else _horizontal(manifolds)
    return optax.chain(
        directions[name](),
        horizontal,
        optax.add_decayed_weights(weight_decay, mask=euclidean),
        optax.scale(-1.0),
    )


def _horizontal(manifolds: Any) -> optax.GradientTransformation:
    return optax.stateless(lambda updates, params: tree_horizontal(manifolds, params, updates))
