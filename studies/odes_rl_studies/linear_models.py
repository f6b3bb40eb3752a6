"""Linear systems by name, and what finds them again: a matrix, or a network."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.continuous import network_field
from odes_rl.manifolds import Euclidean, matmul

SYSTEMS = {
    "spiral": ((-1.0, -1.0), (1.0, -1.0)),
    "sink": ((-1.0, 0.0), (0.0, -2.0)),
    "centre": ((0.0, -1.0), (1.0, 0.0)),
    "source": ((1.0, -1.0), (1.0, 1.0)),
}
"""A by name; `source` is unstable."""
System = Literal["spiral", "sink", "centre", "source"]
Kind = Literal["matrix", "network"]


class Learner(NamedTuple):
    """A field ż = f(z; θ): where θ starts, its manifolds, `field(z [..., 2], θ)`."""

    init: Callable[[jax.Array], Any]
    manifolds: Any
    field: Callable[[jax.Array, Any], jax.Array]


def learner(kind: Kind, width: int) -> Learner:
    """What is trained: A from 0, or a network z ↦ B tanh(C z + c) + b."""
    if kind == "matrix":
        return Learner(lambda key: jnp.zeros((2, 2)), Euclidean(), lambda z, A: matmul(z, A.T))
    network = network_field(2, (width,))
    return Learner(network.init, network.manifolds, lambda z, params: network.apply(params, jnp.zeros(()), z, z))
