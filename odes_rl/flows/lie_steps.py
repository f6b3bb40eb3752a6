"""One step of the flow Ẇ = W b(t, W) on a matrix group, as the algebra increment u with W₁ = W₀ exp(u).

Free of diffrax, whose solvers for the same flow are in `lie_solvers`: what runs for each candidate imports
only this.
"""

from collections.abc import Callable
from math import isqrt

import jax
import jax.numpy as jnp
import numpy as np
from jax import core

from odes_rl.errors import check_name
from odes_rl.flows.stepping import solution_at
from odes_rl.manifolds.matrix_functions import commutator, expm, matmul, newton_schulz

Increment = Callable[[jax.Array, jax.Array], jax.Array]
"""`increment(t, W) -> [d, d]`, the algebra element b(t, W) times the length of the step."""

LieStep = Callable[[Increment, jax.Array, jax.Array, jax.Array], jax.Array]
"""`step(increment, t0, t1, W) -> [d, d]`, the u of the step from W [d, d] at t0 to W exp(u) at t1."""


def lie_euler(increment: Increment, t0: jax.Array, t1: jax.Array, W: jax.Array) -> jax.Array:
    """[d, d] u = (t1 − t0) b(t0, W), first order (equation 5 of Choromanski et al. 2020)."""
    return increment(t0, W)


def rkmk4(increment: Increment, t0: jax.Array, t1: jax.Array, W: jax.Array) -> jax.Array:
    """[d, d] u of the fourth-order Runge–Kutta–Munthe-Kaas method: four fields, three exponentials.

    The classical Runge–Kutta method for u̇ = b + ½[u, b] + (1/12)[u, [u, b]] (Munthe-Kaas 1998). The plus is
    that of Ẇ = Wb; the textbooks' minus belongs to Ẇ = bW, and gives order 2 here.
    """
    middle = t0 + 0.5 * (t1 - t0)
    k1 = increment(t0, W)
    k2 = _pulled_back(increment, middle, W, 0.5 * k1)
    k3 = _pulled_back(increment, middle, W, 0.5 * k2)
    k4 = _pulled_back(increment, t1, W, k3)
    return (k1 + 2 * k2 + 2 * k3 + k4) / 6


LIE_STEPS: dict[str, LieStep] = {"lie_euler": lie_euler, "rkmk4": rkmk4}


def lie_step(name: str) -> LieStep:
    """The step function of that name.

    Raises:
        UserError: if there is none; names the nearest.
    """
    return LIE_STEPS[check_name("Lie step", name, LIE_STEPS)]


def advance(W: jax.Array, u: jax.Array) -> jax.Array:
    """[d, d] W exp(u)."""
    return matmul(W, expm(u))


def flow(step: LieStep, field: Increment, start: jax.Array, times: jax.Array) -> jax.Array:
    """[L, d, d] solution of Ẇ = W field(t, W) at `times` [L], from `start` [d, d] at time 0.

    One step an interval; with `times` iη the matrices are those of equation 5 of Choromanski et al. 2020.
    """

    def one(t0: jax.Array, t1: jax.Array, W: jax.Array) -> jax.Array:
        return advance(W, step(lambda t, W: (t1 - t0) * field(t, W), t0, t1, W))

    return solution_at(times, one, start)


def geodesic(start: jax.Array, generator: jax.Array, times: jax.Array) -> jax.Array:
    """[L, d, d] W₀ exp(tB) at `times` [L], for orthogonal W₀ = `start` and skew B = `generator`, both [d, d].

    Times that are multiples of one interval need one exponential, and products of many matrices at once.
    """
    grid = _multiples(times)
    if grid is None:
        return matmul(start, expm(times[:, None, None] * generator))
    interval, first = grid
    return _rotated(start, expm(interval * generator), first + times.shape[0])[first:]


def _multiples(times: jax.Array) -> tuple[float, int] | None:
    """The interval between `times` [L], which begin at 0 or later, and how many lie before the first; else None."""
    if isinstance(times, core.Tracer):
        return None
    known = np.asarray(times, np.float64)
    interval = float(known[-1] - known[0]) / max(known.size - 1, 1) or float(known[0])
    if interval <= 0 or known[0] < 0:
        return None
    numbers = known / interval
    first = np.round(numbers[0])
    rounding = 8 * np.finfo(np.float32).eps * (abs(first) + known.size)
    if not np.allclose(numbers, first + np.arange(known.size), rtol=0, atol=rounding):
        return None
    return interval, int(first)


def _rotated(start: jax.Array, E: jax.Array, count: int) -> jax.Array:
    """[count, d, d] W₀, W₀E, W₀E², … of orthogonal W₀ = `start` and E.

    Each of √count powers times each of √count others: one product of all pairs.
    """
    size = isqrt(count - 1) + 1
    fine = _doubled(jnp.eye(E.shape[-1], dtype=E.dtype), E, size + 1)
    coarse = _doubled(start, fine[size], -(-count // size))
    return matmul(coarse[:, None], fine[None, :size]).reshape(-1, *E.shape)[:count]


def _doubled(start: jax.Array, E: jax.Array, count: int) -> jax.Array:
    """The same, twice as many after each product."""
    W, factor = start[None], newton_schulz(E)
    while W.shape[0] < count:
        W = jnp.concatenate([W, matmul(W[: count - W.shape[0]], factor)])
        factor = newton_schulz(matmul(factor, factor))  # or its rounding would grow with the power
    return W


def _pulled_back(increment: Increment, time: jax.Array, W: jax.Array, u: jax.Array) -> jax.Array:
    """[d, d] the derivative of u where the flow has come to W exp(u): dexp⁻¹ applied to the field there."""
    b = increment(time, advance(W, u))
    bracket = commutator(u, b)
    return b + 0.5 * bracket + commutator(u, bracket) / 12
