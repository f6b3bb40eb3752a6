"""Gated networks Σ_i a_i f_i, matrices that may depend on the time and on the weights so far."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.flows.trajectories.trajectory import Params
from odes_rl.manifolds import Euclidean
from odes_rl.manifolds.matrix_functions import matmul

Inputs = Literal["none", "t", "t_W"]


class Gating(NamedTuple):
    """A gated network as pure functions.

    Attributes:
        init: `init(key) -> params`.
        manifolds: mirrors `params`.
        matrix: `matrix(params, t, W [h, h]) -> [h, h]`, Σ_i a_i f_i.
    """

    init: Callable[[jax.Array], Params]
    manifolds: dict[str, Any]
    matrix: Callable[[Params, jax.Array, jax.Array], jax.Array]


def gating(hidden: int, gates: int, inputs: Inputs, width: int, scale: float) -> Gating:
    """Σ_i a_i f_i of g = `gates` networks with outputs [h, h], h = `hidden` (Choromanski et al. 2020, §3.1).

    What the networks f_i see is left open there: nothing, t, or t and W.

    Parameters: `gates` a [g]; `matrices` M [g, h, h], which are the f_i if they see nothing. Otherwise f_i = M_i + V_i
    tanh(U_i u + c_i) for inputs u [s], with `inner` U [g, width, s], `biases` c [g, width] and `outer` V
    [g, h, h, width]. a starts at 1/√g; M is normal of variance scale²/h; V is normal too, and its contribution about
    as large.

    Raises:
        ValueError: if there is no gate, or no hidden unit where networks see something.
    """
    if gates < 1:
        raise ValueError(f"gates is {gates}, allowed is gates ≥ 1")
    if inputs != "none" and width < 1:
        raise ValueError(f"width is {width}, allowed is width ≥ 1")
    manifolds = {"matrices": Euclidean(scale)}
    shapes = {"matrices": (gates, hidden, hidden)}
    if inputs != "none":
        size = 1 if inputs == "t" else 1 + hidden**2
        manifolds |= {"inner": Euclidean(), "outer": Euclidean(scale / hidden**0.5)}
        shapes |= {"inner": (gates, width, size), "outer": (gates, hidden, hidden, width)}
    constants = {"gates": jnp.full((gates,), gates**-0.5)}
    if inputs != "none":
        constants["biases"] = jnp.zeros((gates, width))

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, len(shapes))
        drawn = {name: manifolds[name].random(k, shapes[name]) for k, name in zip(keys, shapes, strict=True)}
        return drawn | constants

    def matrix(params: Params, t: jax.Array, W: jax.Array) -> jax.Array:
        f = params["matrices"]
        if inputs != "none":
            u = t[None] if inputs == "t" else jnp.concatenate([t[None], W.reshape(-1)])
            units = jnp.tanh(matmul(params["inner"], u) + params["biases"])
            f = f + matmul(params["outer"], units[:, None, :, None])[..., 0]
        return jnp.sum(params["gates"][:, None, None] * f, axis=0)

    return Gating(init, manifolds | dict.fromkeys(constants, Euclidean()), matrix)
