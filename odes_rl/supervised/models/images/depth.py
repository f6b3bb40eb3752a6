"""Many steps through depth, and the memory that their gradients take."""

from collections.abc import Callable
from functools import partial
from math import isqrt
from typing import Any

import jax
from jax import lax

from odes_rl.flows import Adjoint

Step = Callable[[jax.Array, Any, Any], jax.Array]
"""`step(x, shared, layer) -> x`: what all steps share, and what each has of its own."""


def through_depth(step: Step, x: jax.Array, shared: Any, layers: Any, adjoint: Adjoint, iterations: int) -> jax.Array:
    """x_L of x_i = step(x_{i−1}, shared, layers[i]), i = 1..L; every leaf of `layers` is [L, …].

    Args:
        step: of one layer.
        x: x_0.
        shared: parameters of all steps.
        layers: parameters of each.
        adjoint: `direct` keeps what each step needs for its gradient. `checkpointed` keeps x at √L places, and makes
            the steps between them again. `backsolve` keeps x_L alone, and finds each state again from the next one.
        iterations: of the fixed point x = x_i − (step(x) − x) that `backsolve` looks for, which starts at x_i. It
            converges if a step moves less than its Lipschitz constant allows (Behrmann et al. 2019): for flows,
            whose steps are short, the error falls by the factor η · Lip(f) in each iteration.
    """
    if adjoint == "backsolve":
        return _backsolved(step, iterations, x, shared, layers)
    if adjoint == "checkpointed":
        return _checkpointed(step, x, shared, layers)
    return _all(step, x, shared, layers)


def _all(step: Step, x: jax.Array, shared: Any, layers: Any) -> jax.Array:
    return lax.scan(lambda x, layer: (step(x, shared, layer), None), x, layers)[0]


def _checkpointed(step: Step, x: jax.Array, shared: Any, layers: Any) -> jax.Array:
    count = jax.tree.leaves(layers)[0].shape[0]
    size = isqrt(count - 1) + 1
    whole = count // size * size
    part = jax.checkpoint(partial(_all, step), prevent_cse=False)
    groups = jax.tree.map(lambda leaf: leaf[:whole].reshape(-1, size, *leaf.shape[1:]), layers)
    x, _ = lax.scan(lambda x, group: (part(x, shared, group), None), x, groups)
    return part(x, shared, jax.tree.map(lambda leaf: leaf[whole:], layers)) if whole < count else x


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _backsolved(step: Step, iterations: int, x: jax.Array, shared: Any, layers: Any) -> jax.Array:
    return _all(step, x, shared, layers)


def _forward(step: Step, iterations: int, x: jax.Array, shared: Any, layers: Any) -> tuple[jax.Array, Any]:
    end = _all(step, x, shared, layers)
    return end, (end, shared, layers)


def _backward(step: Step, iterations: int, kept: Any, gradient: jax.Array) -> tuple[jax.Array, Any, Any]:
    end, shared, layers = kept

    def back(carry: Any, layer: Any) -> Any:
        after, gradient, total = carry
        before = lax.fori_loop(0, iterations, lambda _, x: after - (step(x, shared, layer) - x), after)
        _, pull = jax.vjp(step, before, shared, layer)
        gradient, of_shared, of_layer = pull(gradient)
        return (before, gradient, jax.tree.map(jax.numpy.add, total, of_shared)), of_layer

    start = (end, gradient, jax.tree.map(jax.numpy.zeros_like, shared))
    (_, gradient, of_shared), of_layers = lax.scan(back, start, layers, reverse=True)
    return gradient, of_shared, of_layers


_backsolved.defvjp(_forward, _backward)
