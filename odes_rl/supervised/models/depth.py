"""Many steps through depth, and the memory that their gradients take."""

from collections.abc import Callable
from functools import partial
from math import isqrt
from typing import Annotated, Any

import jax
from jax import lax
from pydantic import BaseModel, Field

from odes_rl.flows import Adjoint
from odes_rl.validation import STRICT, OneOf

Step = Callable[[jax.Array, Any], jax.Array]
"""`step(x, own) -> x`: one layer, with what it sees."""
Prepare = Callable[[Any, Any], Any]
"""`prepare(shared, layer) -> own`: what a layer sees, of what all share and what each has of its own."""


class FlowGradient(BaseModel, frozen=True):
    """How gradients come back through a flow."""

    model_config = STRICT

    adjoint: Adjoint = "direct"
    """How gradients come back. `direct`: every step's activations are kept; `checkpointed`: √L of them, and the steps
    between are made again; `backsolve`: those at the end alone, and each state is found again from the next one."""
    backsolve_iterations: int = Field(default=3, ge=1)
    """Iterations of the fixed point that finds a state again; each makes its error smaller by about the step size. Only
    for adjoint backsolve."""

    @property
    def iterations(self) -> int:
        """Those of `through_depth`."""
        return self.backsolve_iterations


class LayersGradient(BaseModel, frozen=True):
    """How gradients come back through a residual network, whose steps are too long to be undone."""

    model_config = STRICT

    adjoint: Annotated[Adjoint, OneOf(("direct", "checkpointed"))] = "direct"
    """How gradients come back. `direct`: every step's activations are kept; `checkpointed`: √L of them, and the steps
    between are made again."""

    @property
    def iterations(self) -> int:
        """Those of `through_depth`, which makes none."""
        return 1


def pair(shared: Any, layer: Any) -> tuple[Any, Any]:
    """Both, as they are."""
    return shared, layer


def through_depth(
    step: Step,
    x: jax.Array,
    shared: Any,
    layers: Any,
    gradient: FlowGradient | LayersGradient,
    prepare: Prepare = pair,
) -> jax.Array:
    """x_L of x_i = step(x_{i−1}, prepare(shared, layers[i])), i = 1..L; every leaf of `layers` is [L, …].

    Args:
        step: of one layer.
        x: x_0.
        shared: parameters of all steps.
        layers: parameters of each, or the times at which `prepare` makes them.
        gradient: its `adjoint` `direct` keeps what each step needs for its gradient. `checkpointed` keeps x at √L
            places, and makes the steps between them again. `backsolve` keeps x_L alone, and finds each state again from
            the next one, as the fixed point x = x_i − (step(x) − x) from x_i on. That converges if a step moves less
            than its Lipschitz constant allows (Behrmann et al. 2019): for flows, whose steps are short, the error falls
            by the factor η · Lip(f) in each of the `iterations`.
        prepare: called anew in each step, so that what it makes is kept no longer than the step's activations.
    """
    if gradient.adjoint == "backsolve":
        return _backsolved(step, prepare, gradient.iterations, x, shared, layers)
    if gradient.adjoint == "checkpointed":
        return _checkpointed(step, prepare, x, shared, layers)
    return _all(step, prepare, x, shared, layers)


def _all(step: Step, prepare: Prepare, x: jax.Array, shared: Any, layers: Any) -> jax.Array:
    return lax.scan(lambda x, layer: (step(x, prepare(shared, layer)), None), x, layers)[0]


def _checkpointed(step: Step, prepare: Prepare, x: jax.Array, shared: Any, layers: Any) -> jax.Array:
    count = jax.tree.leaves(layers)[0].shape[0]
    size = isqrt(count - 1) + 1
    whole = count // size * size
    part = jax.checkpoint(partial(_all, step, prepare), prevent_cse=False)
    groups = jax.tree.map(lambda leaf: leaf[:whole].reshape(-1, size, *leaf.shape[1:]), layers)
    x, _ = lax.scan(lambda x, group: (part(x, shared, group), None), x, groups)
    return part(x, shared, jax.tree.map(lambda leaf: leaf[whole:], layers)) if whole < count else x


@partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _backsolved(step: Step, prepare: Prepare, iterations: int, x: jax.Array, shared: Any, layers: Any) -> jax.Array:
    return _all(step, prepare, x, shared, layers)


def _forward(
    step: Step, prepare: Prepare, iterations: int, x: jax.Array, shared: Any, layers: Any
) -> tuple[jax.Array, Any]:
    end = _all(step, prepare, x, shared, layers)
    return end, (end, shared, layers)


def _backward(
    step: Step, prepare: Prepare, iterations: int, kept: Any, gradient: jax.Array
) -> tuple[jax.Array, Any, Any]:
    end, shared, layers = kept

    def back(carry: Any, layer: Any) -> Any:
        after, gradient, total = carry
        own, pull_own = jax.vjp(prepare, shared, layer)
        before = lax.fori_loop(0, iterations, lambda _, x: after - (step(x, own) - x), after)
        _, pull = jax.vjp(step, before, own)
        gradient, of_own = pull(gradient)
        of_shared, of_layer = pull_own(of_own)
        return (before, gradient, jax.tree.map(jax.numpy.add, total, of_shared)), of_layer

    start = (end, gradient, jax.tree.map(jax.numpy.zeros_like, shared))
    (_, gradient, of_shared), of_layers = lax.scan(back, start, layers, reverse=True)
    return gradient, of_shared, of_layers


_backsolved.defvjp(_forward, _backward)
