"""What a weight trajectory is: t ↦ W(t), given by parameters alone."""

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
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    weights: Callable[[Params, jax.Array], jax.Array]
