"""The gated hypernetwork: Ẇ = Σ a_i f_i, `gated` in the space of all matrices (Choromanski et al. 2020, §5.2)."""

import jax

from odes_rl.flows.stepping import solution_at
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
        return solution_at(times, lambda t0, t1, W: W + (t1 - t0) * gate.matrix(params, t0, W), params["initial"])

    return (function_of_time if inputs == "none" else Trajectory)(init, manifolds, weights)
