"""One weight matrix for all times: the autonomous flow, and the residual network that shares its layer."""

import jax
import jax.numpy as jnp

from odes_rl.flows.trajectories.trajectory import Trajectory, function_of_time
from odes_rl.manifolds import Euclidean, Manifold

_UNCONSTRAINED = Euclidean()


def constant(hidden: int, manifold: Manifold = _UNCONSTRAINED) -> Trajectory:
    """Weights [L, h, h], all the same `W` [h, h], h = `hidden`, which starts at a random point of its manifold.

    Unconstrained, it is "Con-ResNet" of Davis et al. 2020. Entries start as normal of variance 1/h then: the spectral
    radius is near 1.
    """
    manifolds = {"W": manifold}

    def init(key: jax.Array) -> dict[str, jax.Array]:
        return {"W": manifolds["W"].random(key, (hidden, hidden))}

    def weights(params: dict[str, jax.Array], times: jax.Array) -> jax.Array:
        return jnp.broadcast_to(params["W"], (times.shape[0], hidden, hidden))

    return function_of_time(init, manifolds, weights)._replace(is_constant=True)
