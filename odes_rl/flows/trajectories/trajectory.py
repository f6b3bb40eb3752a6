"""Weight trajectories t ↦ W(t), which depend on parameters alone."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

Params = Any
"""A pytree of arrays; each leaf is a point of the manifold that stands at its place in `manifolds`."""


class Trajectory(NamedTuple):
    """A family of weight trajectories over the time interval [0, T], as pure functions.

    Attributes:
        init: `init(key) -> params`, a random starting point.
        manifolds: a pytree that mirrors `params`, with the `Manifold` of each leaf.
        weights: `weights(params, times) -> [L, h, h]`, the weight matrices at `times` [L], which increase from 0 on.
        at: `at(params, t) -> [h, h]`, the weights at any one time of [0, 1], for solvers that choose their times; None
            where weights flow from each of the times to the next, so that the times are part of what they are.
        jumps: times inside [0, 1] at which `at` is not continuous; from a jump on it has the new value.
        is_constant: the weights are the same at all times.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    weights: Callable[[Params, jax.Array], jax.Array]
    at: Callable[[Params, jax.Array], jax.Array] | None = None
    jumps: tuple[float, ...] = ()
    is_constant: bool = False


def function_of_time(
    init: Callable[[jax.Array], Params], manifolds: Any, weights: Callable[[Params, jax.Array], jax.Array]
) -> Trajectory:
    """A trajectory whose weights at a time do not depend on the other times in the call."""
    return Trajectory(init, manifolds, weights, lambda params, t: weights(params, t[None])[0])
