"""Descent on a product of manifolds: optimisers by name, and schedules of their step."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax

from odes_rl.manifolds.optimizer import riemannian

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


def named_optimizer(
    name: Optimizer, momentum: float, weight_decay: float, manifolds: Any, *, maximise: bool = False
) -> optax.GradientTransformation:
    """The `riemannian` optimiser of that name, of unit step length; only Euclidean leaves decay.

    `momentum` is the decay of the momentum, and the first decay rate of Adam.
    """
    directions = {
        "sgd": optax.identity,
        "momentum": lambda: optax.trace(momentum),
        "adam": lambda: optax.scale_by_adam(b1=momentum),
    }
    optimizer = optax.chain(directions[name](), optax.add_decayed_weights(weight_decay), optax.scale(-1.0))
    return riemannian(optimizer, manifolds, maximise=maximise, horizontal=name != "sgd")
