"""The gated skew flow of ODEtoODE: Ẇ = W Σ a_i B_i on the orthogonal group, the B_i skew outputs of small networks."""

from typing import Literal

import jax
import jax.numpy as jnp

from odes_rl.lie_steps import flow, lie_step
from odes_rl.manifolds import Euclidean, Manifold, Orthogonal
from odes_rl.matrix_functions import matmul
from odes_rl.trajectories.base import Params, Trajectory

_LEARNED = Orthogonal()
Inputs = Literal["none", "t", "t_W"]


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

    Choromanski et al. 2020, §3.1. What the networks f_i see is left open there: nothing, t, or t and W.

    Parameters, for g gates: W₀ ∈ O(h) as `initial` [h, h], of that manifold; `gates` a [g]; `matrices` M [g, h, h],
    which are the f_i if they see nothing. Otherwise f_i = M_i + V_i tanh(U_i u + c_i) for inputs u [s], with `inner` U
    [g, width, s], `biases` c [g, width] and `outer` V [g, h, h, width].

    W₀ is drawn from the Haar measure. a starts at 1/√g; M is normal of variance scale²/8h, so W turns by about `scale`
    radians in unit time; V is normal too, and its contribution about as large.

    Raises:
        UserError: if no Lie step is called `solver`.
        ValueError: if there is no gate.
    """
    step = lie_step(solver)
    if gates < 1:
        raise ValueError(f"gates is {gates}, allowed is gates ≥ 1")
    matrix_scale = scale / 8**0.5
    manifolds: dict[str, Manifold] = {"initial": initial, "gates": Euclidean(), "matrices": Euclidean(matrix_scale)}
    shapes = {"initial": (hidden, hidden), "matrices": (gates, hidden, hidden)}
    if inputs != "none":
        size = 1 if inputs == "t" else 1 + hidden**2
        manifolds |= {"inner": Euclidean(), "biases": Euclidean(), "outer": Euclidean(matrix_scale / hidden**0.5)}
        shapes |= {"inner": (gates, width, size), "outer": (gates, hidden, hidden, width)}

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, len(shapes))
        params = {name: manifolds[name].random(k, shapes[name]) for k, name in zip(keys, shapes, strict=True)}
        params["gates"] = jnp.full((gates,), gates**-0.5)
        return params if inputs == "none" else params | {"biases": jnp.zeros((gates, width))}

    def field(params: Params, t: jax.Array, W: jax.Array) -> jax.Array:
        f = params["matrices"]
        if inputs != "none":
            u = t[None] if inputs == "t" else jnp.concatenate([t[None], W.reshape(-1)])
            units = jnp.tanh(matmul(params["inner"], u) + params["biases"])
            f = f + matmul(params["outer"], units[:, None, :, None])[..., 0]
        f = jnp.sum(params["gates"][:, None, None] * f, axis=0)
        return f - f.T

    def weights(params: Params, times: jax.Array) -> jax.Array:
        return flow(step, lambda t, W: field(params, t, W), params["initial"], times)

    return Trajectory(init, manifolds, weights)
