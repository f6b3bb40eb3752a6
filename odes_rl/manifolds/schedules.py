"""Descent on a product of manifolds: optimisers by name, and schedules of their step."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from odes_rl.errors import UserError
from odes_rl.manifolds.clip_up import clip_up
from odes_rl.manifolds.optimizer import riemannian
from odes_rl.parts import Registry

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


class OptimizerFamily(NamedTuple):
    """One entry of the registry. `OptimizerFamily(lambda momentum: optax.scale_by_lion(momentum))` is one of your own.

    Attributes:
        make: `make(momentum) -> transformation`, without learning rate and without sign, as optax's `scale_by_...`.
        about: one sentence for `odes-rl list optimizers`.
        scales: whether it only scales gradients, so that a step never leaves the directions that move the point.
    """

    make: Callable[[float], optax.GradientTransformation]
    about: str = ""
    scales: bool = False


OPTIMIZERS = Registry(
    "optimizer",
    "optimizers",
    OptimizerFamily,
    {
        "sgd": OptimizerFamily(lambda momentum: optax.identity(), "The gradient itself.", scales=True),
        "momentum": OptimizerFamily(optax.trace, "Sum of gradients that decays by momentum."),
        "clip_up": OptimizerFamily(clip_up, "ClipUp: the learning rate is the greatest length of a step."),
        "adam": OptimizerFamily(
            lambda momentum: optax.scale_by_adam(b1=momentum), "Adam, with momentum as its first decay rate."
        ),
    },
)
"""All optimisers by name."""


def named_optimizer(
    name: str, momentum: float, weight_decay: float, manifolds: Any, *, maximise: bool = False
) -> optax.GradientTransformation:
    """The `riemannian` optimiser of that name, of unit step length; only Euclidean leaves decay.

    `momentum` is the decay of the momentum, and the first decay rate of Adam.

    Raises:
        UserError: if a family of the user's own makes something else.
    """
    family = OPTIMIZERS.find(name)
    made = family.make(momentum)
    if not isinstance(made, optax.GradientTransformation):
        must = "a transformation of optax, such as optax.scale_by_lion()"
        raise UserError(f"optimizer {name!r} makes {made!r}, but must make {must}")
    optimizer = optax.chain(made, optax.add_decayed_weights(weight_decay), optax.scale(-1.0))
    return riemannian(optimizer, manifolds, maximise=maximise, horizontal=not family.scales)
