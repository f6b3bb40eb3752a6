"""Weights whose entries are polynomials of time, in one of three bases."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from odes_rl.errors import check_name
from odes_rl.flows.trajectories.expansion import expand
from odes_rl.flows.trajectories.trajectory import Trajectory, function_of_time
from odes_rl.manifolds import Euclidean


def monomial(times: jax.Array, degree: int) -> jax.Array:
    """[L, degree + 1] values of 1, t, …, t^degree at `times` [L]."""
    return _by_recurrence(times, degree, lambda n, last, before: times * last)


def chebyshev(times: jax.Array, degree: int) -> jax.Array:
    """[L, degree + 1] Chebyshev polynomials T_n(s), with `times` [L] in [0, 1] mapped to s = 2t − 1."""
    s = 2 * times - 1
    return _by_recurrence(s, degree, lambda n, last, before: 2 * s * last - before)


def legendre(times: jax.Array, degree: int) -> jax.Array:
    """[L, degree + 1] Legendre polynomials P_n(s), with `times` [L] in [0, 1] mapped to s = 2t − 1."""
    s = 2 * times - 1
    return _by_recurrence(s, degree, lambda n, last, before: ((2 * n - 1) * s * last - (n - 1) * before) / n)


BASES: dict[str, Callable[[jax.Array, int], jax.Array]] = {
    "monomial": monomial,
    "chebyshev": chebyshev,
    "legendre": legendre,
}
"""Bases by name; each function's values are at most 1 for times in [0, 1], and 1 at its end."""


def polynomial(hidden: int, degree: int = 5, basis: str = "chebyshev") -> Trajectory:
    """Weights [L, h, h], h = `hidden`, from `coefficients` [degree + 1, h, h] in the order of the basis.

    What Davis et al. 2020 call d are the degree + 1 coefficients. They start as independent normal, the constant one of
    variance ¾/h, the others of ½/(h · degree) each: the entries of W_t have variances from ¾/h to 5/4h, and its
    spectral radius is near 1.

    Raises:
        UserError: if no basis has that name; names the nearest.
        ValueError: if the degree is negative.
    """
    values = BASES[check_name("basis", basis, BASES)]
    if degree < 0:
        raise ValueError(f"degree is {degree}, allowed is degree ≥ 0")
    manifolds = {"coefficients": Euclidean()}
    deviations = jnp.array([0.75] + [0.5 / degree] * degree if degree else [1.0]) ** 0.5

    def init(key: jax.Array) -> dict[str, jax.Array]:
        coefficients = manifolds["coefficients"].random(key, (degree + 1, hidden, hidden))
        return {"coefficients": deviations[:, None, None] * coefficients}

    def weights(params: dict[str, jax.Array], times: jax.Array) -> jax.Array:
        return expand(params["coefficients"], values(times, degree))

    return function_of_time(init, manifolds, weights)


def _by_recurrence(
    first: jax.Array, degree: int, following: Callable[[int, jax.Array, jax.Array], jax.Array]
) -> jax.Array:
    values = [jnp.ones_like(first), first]
    for n in range(2, degree + 1):
        values.append(following(n, values[-1], values[-2]))
    return jnp.stack(values[: degree + 1], axis=1)
