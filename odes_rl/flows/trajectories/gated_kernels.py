"""Weights that are mixed of several matrices, each weighted by a sigmoid of time (Davis et al. 2020, equation 12)."""

import jax
import jax.numpy as jnp

from odes_rl.flows.trajectories.expansion import expand
from odes_rl.flows.trajectories.trajectory import Trajectory, function_of_time
from odes_rl.manifolds import Euclidean

_PLACES = 17
"""Times at which the gates are measured, for the scale of the start."""


def gates(params: dict[str, jax.Array], times: jax.Array) -> jax.Array:
    """[L, kernels] values of the gates at `times` [L]."""
    return jax.nn.sigmoid(times[:, None] * params["slopes"] + params["offsets"])


def gated_kernels(hidden: int, kernels: int = 4) -> Trajectory:
    """Weights [L, h, h] W_t = Σ_n σ(u_n t + v_n) W_n, n = 1..`kernels`, σ the logistic sigmoid, h = `hidden`.

    Parameters: `matrices` W_n [kernels, h, h]; `slopes` u and `offsets` v [kernels], which start normal with deviations
    4 and 1. W_n start as normal, scaled so that the entries of W_t have variance 1/h in the mean over t in [0, 1]: its
    spectral radius is near 1.

    Raises:
        ValueError: if there is no kernel.
    """
    if kernels < 1:
        raise ValueError(f"kernels is {kernels}, allowed is kernels ≥ 1")
    manifolds = dict.fromkeys(["matrices", "slopes", "offsets"], Euclidean())

    def init(key: jax.Array) -> dict[str, jax.Array]:
        first, second, third = jax.random.split(key, 3)
        matrices = manifolds["matrices"].random(first, (kernels, hidden, hidden))
        gating = {"slopes": 4 * jax.random.normal(second, (kernels,)), "offsets": jax.random.normal(third, (kernels,))}
        squares = jnp.sum(gates(gating, jnp.linspace(0, 1, _PLACES)) ** 2, axis=1)
        return {"matrices": matrices / jnp.sqrt(jnp.mean(squares))} | gating

    def weights(params: dict[str, jax.Array], times: jax.Array) -> jax.Array:
        return expand(params["matrices"], gates(params, times))

    return function_of_time(init, manifolds, weights)
