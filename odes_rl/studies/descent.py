"""How studies train: minimisation on manifolds, the steps compiled in chunks."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from odes_rl.descent import Schedule, scheduled, tangent_optimizer
from odes_rl.errors import UserError
from odes_rl.manifolds import tree_exp, tree_to_tangent
from odes_rl.studies.base import Tell

_CHUNKS = 10
"""How often a descent tells how far it is."""


def minimise(
    loss: Callable[..., jax.Array],
    manifolds: Any,
    params: Any,
    key: jax.Array,
    steps: int,
    tell: Tell,
    *,
    learning_rate: float = 0.01,
    schedule: Schedule = "constant",
    progress: bool = False,
) -> tuple[Any, np.ndarray]:
    """Parameters after `steps` steps of Adam on `loss(params, key)`, and the loss [steps] before each of them.

    Each step has a key of its own, from which the loss may draw a batch. A cosine falls over all the steps.
    With `progress` the loss is `loss(params, key, share)`, of the share of the steps that are done, in [0, 1).

    Raises:
        UserError: if the loss is no longer finite; says at which step.
    """
    optimizer = tangent_optimizer("adam", 0.9, 0.0, manifolds)

    def step(carry: tuple[Any, Any], index: jax.Array) -> tuple[tuple[Any, Any], jax.Array]:
        params, memory = carry
        share = (index / steps,) if progress else ()
        value, gradient = jax.value_and_grad(loss)(params, jax.random.fold_in(key, index), *share)
        direction, memory = optimizer.update(tree_to_tangent(manifolds, params, gradient), memory, params)
        rate = scheduled(schedule, learning_rate, steps, index)
        return (tree_exp(manifolds, params, jax.tree.map(lambda d: rate * d, direction)), memory), value

    chunk = jax.jit(lambda carry, indices: lax.scan(step, carry, indices))
    carry = (params, optimizer.init(tree_to_tangent(manifolds, params, jax.tree.map(jnp.zeros_like, params))))
    size = -(-steps // _CHUNKS)
    losses: list[np.ndarray] = []
    for start in range(0, steps, size):
        carry, values = chunk(carry, jnp.arange(start, min(start + size, steps)))
        losses.append(np.asarray(values))
        _check_finite(losses[-1], start)
        tell(f"step {start + len(losses[-1])} of {steps}, loss {losses[-1][-1]:.4g}")
    return carry[0], np.concatenate(losses)


def _check_finite(losses: np.ndarray, start: int) -> None:
    if not np.isfinite(losses).all():
        step = start + int(np.argmin(np.isfinite(losses)))
        raise UserError(f"the loss is {losses[step - start]} at step {step}: give a smaller learning_rate")
