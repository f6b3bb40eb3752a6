"""The gated skew flow of ODEtoODE: Ẇ = W Σ a_i B_i on the orthogonal group, the B_i skew outputs of small networks."""

import jax

from odes_rl.flows.lie_steps import flow, geodesic, lie_step
from odes_rl.flows.trajectories.gating import Inputs, gating
from odes_rl.flows.trajectories.trajectory import Params, Trajectory, function_of_time
from odes_rl.manifolds import Manifold, Orthogonal

_LEARNED = Orthogonal()


def gated(
    hidden: int,
    gates: int = 1,
    inputs: Inputs = "none",
    width: int = 16,
    solver: str = "lie_euler",
    scale: float = 1.0,
    initial: Manifold = _LEARNED,
) -> Trajectory:
    """Weights [L, h, h] of Ẇ = W b, b = Σ_i a_i (f_i − f_iᵀ), h = `hidden`; one Lie step to each of the times [L].

    Choromanski et al. 2020, §3.1. Networks f_i that see nothing make b constant, and the flow a geodesic: that needs no
    solver. Parameters: W₀ ∈ O(h) as `initial` [h, h], of that manifold and drawn from the Haar measure, and those of
    `gating`, which let W turn by about `scale` radians in unit time.

    Raises:
        UserError: if no Lie step is called `solver`.
        ValueError: if there is no gate.
    """
    step = lie_step(solver)
    gate = gating(hidden, gates, inputs, width, scale / 8**0.5)

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key)
        return {"initial": initial.random(keys[0], (hidden, hidden))} | gate.init(keys[1])

    def field(params: Params, t: jax.Array, W: jax.Array) -> jax.Array:
        f = gate.matrix(params, t, W)
        return f - f.T

    def weights(params: Params, times: jax.Array) -> jax.Array:
        start = params["initial"]
        if inputs == "none":
            return geodesic(start, field(params, times[0], start), times)
        return flow(step, lambda t, W: field(params, t, W), start, times)

    make = function_of_time if inputs == "none" else Trajectory
    return make(init, {"initial": initial} | gate.manifolds, weights)
