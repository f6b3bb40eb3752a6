"""Weights whose entries are trigonometric polynomials of time, as in NANODE."""

import jax
import jax.numpy as jnp

from odes_rl.flows.trajectories.expansion import expand
from odes_rl.flows.trajectories.trajectory import Trajectory, function_of_time
from odes_rl.manifolds import Euclidean


def basis(times: jax.Array, degree: int, period: float | None = None) -> jax.Array:
    """[L, 2·degree + 1] values of 1, cos t, …, cos(degree·t), sin t, …, sin(degree·t) at `times` [L].

    With a `period` the argument is 2πt/period. As printed (Davis et al. 2020; its b₀ multiplies sin 0 and
    is left out) there is no 2π, and on [0, 1] the functions are nearly collinear.
    """
    angle = times if period is None else times * (2 * jnp.pi / period)
    angles = angle[:, None] * jnp.arange(1, degree + 1, dtype=times.dtype)
    return jnp.concatenate([jnp.ones_like(angle)[:, None], jnp.cos(angles), jnp.sin(angles)], axis=1)


def trigonometric(hidden: int, degree: int = 5, period: float | None = None) -> Trajectory:
    """Weights [L, h, h], h = `hidden`, from `coefficients` [2·degree + 1, h, h] in the order of `basis`.

    Coefficients start as independent normal of variance 1/(h(1 + degree)), so the entries of W_t have
    variance 1/h at every t and its spectral radius is near 1.

    Raises:
        ValueError: if the degree is negative or the period not positive.
    """
    if degree < 0 or (period is not None and period <= 0):
        raise ValueError(f"degree is {degree} and period {period}, allowed are degree ≥ 0 and period > 0 (or None)")
    manifolds = {"coefficients": Euclidean((1 + degree) ** -0.5)}

    def init(key: jax.Array) -> dict[str, jax.Array]:
        return {"coefficients": manifolds["coefficients"].random(key, (2 * degree + 1, hidden, hidden))}

    def weights(params: dict[str, jax.Array], times: jax.Array) -> jax.Array:
        return expand(params["coefficients"], basis(times, degree, period))

    return function_of_time(init, manifolds, weights)
