"""The coupled hypernetwork flow: all entries of W_t are the state w of an ODE ẇ = g(w) (Zhang et al. 2019, ANODEV2)."""

from typing import Any

import jax
import jax.numpy as jnp

from odes_rl.flows.ode_solvers import EXPLICIT, make_solver
from odes_rl.flows.stepping import solution_at
from odes_rl.flows.trajectories.trajectory import Params, Trajectory
from odes_rl.manifolds import Euclidean
from odes_rl.manifolds.matrix_functions import matmul


def coupled(
    hidden: int, width: int = 16, solver: str = "euler", time_input: bool = False, scale: float = 0.3
) -> Trajectory:
    """Weights [L, h, h] that are reshaped w_t [h²], ẇ = g(w), h = `hidden`; one diffrax step to each of the times [L].

    Choromanski et al. 2020, §5.1.2 ("HyperNet"): g = C |B |A w + a| + b| + c has two hidden layers of `width`. Their
    parameter counts leave no room for the time; `time_input` makes it g(t, w).

    Parameters: w_0 as `initial` [h, h], `inner` A [width, h²] or with the time [width, 1 + h²], `middle` B
    [width, width], `outer` C [h², width], and `inner_biases`, `middle_biases`, `outer_biases`, which start at zero. W_0
    starts as normal of variance 1/h, A as that of 1/h, B of 1/width, C of scale²/(h · width): the weights move by about
    `scale` times their own size, and their spectral radius stays near 1.

    Raises:
        UserError: if no solver has that name; names the nearest.
        ValueError: if there is no hidden unit.
    """
    if width < 1:
        raise ValueError(f"width is {width}, allowed is width ≥ 1")
    stepper = make_solver(solver, EXPLICIT)
    size = hidden**2 + time_input
    shapes = {
        "initial": (hidden, hidden),
        "inner": (width, size),
        "middle": (width, width),
        "outer": (hidden**2, width),
    }
    biases = {"inner_biases": (width,), "middle_biases": (width,), "outer_biases": (hidden**2,)}
    manifolds = dict.fromkeys([*shapes, *biases], Euclidean())
    manifolds |= {"inner": Euclidean((size / hidden) ** 0.5), "outer": Euclidean(scale / hidden**0.5)}

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, len(shapes))
        params = {name: manifolds[name].random(k, shapes[name]) for k, name in zip(keys, shapes, strict=True)}
        return params | {name: jnp.zeros(shape) for name, shape in biases.items()}

    def velocity(t: jax.Array, w: jax.Array, params: Params) -> jax.Array:
        u = jnp.concatenate([t[None], w]) if time_input else w
        for layer in ("inner", "middle"):
            u = jnp.abs(matmul(params[layer], u) + params[f"{layer}_biases"])
        return matmul(params["outer"], u) + params["outer_biases"]

    def weights(params: Params, times: jax.Array) -> jax.Array:
        return _solve(stepper, velocity, params["initial"].reshape(-1), times, params).reshape(-1, hidden, hidden)

    return Trajectory(init, manifolds, weights)


def _solve(solver: Any, velocity: Any, start: jax.Array, times: jax.Array, params: Params) -> jax.Array:
    """[L, s] the solution at `times` [L] from `start` [s] at time 0.

    The solver's steps in a scan: `diffeqsolve`, which finds the same grid by itself, takes twice as long to run and
    five times as long to compile.
    """
    from diffrax import ODETerm

    term = ODETerm(velocity)

    def step(t0: jax.Array, t1: jax.Array, state: tuple[jax.Array, Any]) -> tuple[jax.Array, Any]:
        w, memory = state
        w, _, _, memory, _ = solver.step(term, t0, t1, w, params, memory, made_jump=False)
        return w, memory

    memory = solver.init(term, jnp.zeros_like(times[0]), times[0], start, params)
    return solution_at(times, step, (start, memory))[0]
