"""The gated hypernetwork: Ẇ = Σ a_i f_i, `gated` in the space of all matrices (Choromanski et al. 2020, §5.2)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.flows.trajectories.gating import Inputs, gating
from odes_rl.flows.trajectories.trajectory import Params, Trajectory, function_of_time
from odes_rl.manifolds import Euclidean


def gated_hypernetwork(
    hidden: int, gates: int = 1, inputs: Inputs = "none", width: int = 16, scale: float = 0.3
) -> Trajectory:
    """Weights [L, h, h] of Ẇ = Σ_i a_i f_i, h = `hidden`; one step of Euler's method to each of the times [L].

    Neither skew nor orthogonal. Parameters: W₀ as `initial` [h, h], which starts as normal of variance 1/h, and those
    of `gating`, which move the weights by about `scale` times their own size in unit time.

    Raises:
        ValueError: if there is no gate.
    """
    gate = gating(hidden, gates, inputs, width, scale)
    manifolds = {"initial": Euclidean()} | gate.manifolds

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key)
        return {"initial": manifolds["initial"].random(keys[0], (hidden, hidden))} | gate.init(keys[1])

    def weights(params: Params, times: jax.Array) -> jax.Array:
        if inputs == "none":
            return params["initial"] + times[:, None, None] * gate.matrix(params, times[0], params["initial"])
        return _euler(lambda t, W: gate.matrix(params, t, W), params["initial"], times)

    return (function_of_time if inputs == "none" else Trajectory)(init, manifolds, weights)


def _euler(field: Callable[[jax.Array, jax.Array], jax.Array], start: jax.Array, times: jax.Array) -> jax.Array:
    """[L, h, h] Ẇ = field(t, W) from `start` at time 0, one step to each of `times` [L]."""
    starts = jnp.concatenate([jnp.zeros_like(times[:1]), times[:-1]])

    def one(W: jax.Array, interval: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        t0, t1 = interval
        W = W + (t1 - t0) * field(t0, W)
        return W, W

    return lax.scan(one, start, (starts, times))[1]
