"""How studies train: minimisation on manifolds, alone or several at once, the steps compiled in chunks."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from odes_rl import UserError
from odes_rl.manifolds import Schedule, apply_updates, named_optimizer, scheduled
from odes_rl.studies import Tell

_CHUNKS = 10
"""How often a descent tells how far it is."""
State = tuple[Any, Any]
"""Parameters, and the memory of Adam."""


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
    look: Callable[[int, Any], None] = lambda step, params: None,
) -> tuple[Any, np.ndarray]:
    """Parameters after `steps` steps of Adam on `loss(params, key)`, and the loss [steps] before each of them.

    Each step has a key of its own, from which the loss may draw a batch. A cosine falls over all the steps.
    With `progress` the loss is `loss(params, key, share)`, of the share of the steps that are done, in [0, 1).
    `look` is shown how many steps are done, and the parameters, after each tenth of them.

    Raises:
        UserError: if the loss is no longer finite; says at which step.
    """
    start, step = _adam(loss, manifolds, key, steps, schedule, progress)
    chunk = jax.jit(lambda state, indices: lax.scan(lambda s, i: step(s, i, learning_rate), state, indices))
    losses = np.empty(0, np.float32)
    for latest, values in _in_chunks(chunk, start(params), steps):
        check_finite(values, losses.size)
        params, losses = latest, np.append(losses, values)
        look(losses.size, params)
        tell(f"step {losses.size} of {steps}, loss {losses[-1]:.4g}")
    return params, losses


def minimise_each(
    loss: Callable[[Any, jax.Array], jax.Array],
    manifolds: Any,
    params: Any,
    key: jax.Array,
    steps: int,
    learning_rates: jax.Array,
) -> Iterator[tuple[Any, np.ndarray]]:
    """M descents apart, one from each of `params`, which have an axis [M] before their own, by `learning_rates` [M].

    After each tenth of the steps come the parameters, and the losses [n, M] before each step of it. Keys of steps, and
    thus batches, are common to all. A loss that is no longer finite stops nothing, and no descent sees another.
    """
    start, step = _adam(loss, manifolds, key, steps)
    several = jax.vmap(
        lambda state, rate, indices: lax.scan(lambda s, i: step(s, i, rate), state, indices), (0, 0, None), (0, 1)
    )
    chunk = jax.jit(lambda states, indices: several(states, learning_rates, indices))
    yield from _in_chunks(chunk, jax.vmap(start)(params), steps)


def check_finite(losses: np.ndarray, start: int = 0) -> None:
    """Check `losses` [n] of the steps from `start` on.

    Raises:
        UserError: if one is not finite; says at which step.
    """
    if not np.isfinite(losses).all():
        step = start + int(np.argmin(np.isfinite(losses)))
        fix = (
            "give a smaller learning_rate"
            if step
            else "no step was taken, so check the data and, if there is a solver, its tolerance"
        )
        raise UserError(f"the loss is {losses[step - start]} at step {step}: {fix}")


def _adam(
    loss: Callable[..., jax.Array],
    manifolds: Any,
    key: jax.Array,
    steps: int,
    schedule: Schedule = "constant",
    progress: bool = False,
) -> tuple[Callable[[Any], State], Callable[[State, jax.Array, Any], tuple[State, jax.Array]]]:
    """`start(params) -> state`, and `step(state, index, learning_rate) -> (state, loss before it)`."""
    optimizer = named_optimizer("adam", 0.9, 0.0, manifolds)

    def start(params: Any) -> State:
        return params, optimizer.init(params)

    def step(state: State, index: jax.Array, learning_rate: Any) -> tuple[State, jax.Array]:
        params, memory = state
        share = (index / steps,) if progress else ()
        value, gradient = jax.value_and_grad(loss)(params, jax.random.fold_in(key, index), *share)
        direction, memory = optimizer.update(gradient, memory, params)
        rate = scheduled(schedule, learning_rate, steps, index)
        return (apply_updates(params, jax.tree.map(lambda d: rate * d, direction)), memory), value

    return start, step


def _in_chunks(chunk: Callable[..., Any], state: State, steps: int) -> Iterator[tuple[Any, np.ndarray]]:
    """Parameters and losses of each of the parts that `steps` are cut into."""
    size = -(-steps // _CHUNKS)
    for start in range(0, steps, size):
        state, values = chunk(state, jnp.arange(start, min(start + size, steps)))
        yield state[0], np.asarray(values)
