"""Polynomial weights: three bases of one space, on the interval that each belongs to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl.flows.trajectories.constant import constant
from odes_rl.flows.trajectories.polynomial import BASES, polynomial

TIMES = jnp.linspace(0, 1, 11)
DEGREE = 6
PEERS = {
    "chebyshev": np.polynomial.chebyshev.Chebyshev,
    "legendre": np.polynomial.legendre.Legendre,
    "monomial": np.polynomial.Polynomial,
}


def test_weights_are_the_polynomial_written_out():
    trajectory = polynomial(2, 3, "monomial")
    params = trajectory.init(jax.random.key(0))
    c = np.asarray(params["coefficients"])
    assert c.shape == (4, 2, 2)
    for W, t in zip(trajectory.weights(params, TIMES), np.asarray(TIMES), strict=True):
        np.testing.assert_allclose(W, c[0] + c[1] * t + c[2] * t**2 + c[3] * t**3, atol=1e-6)


@pytest.mark.parametrize("basis", ["chebyshev", "legendre"])
def test_a_change_of_basis_gives_the_monomials_weights(basis):
    """NumPy's series on the domain [0, 1], converted to powers of t."""
    coefficients = np.random.default_rng(0).normal(size=(DEGREE + 1, 3, 3))
    powers = np.zeros_like(coefficients)
    for i in range(3):
        for j in range(3):
            series = PEERS[basis](coefficients[:, i, j], domain=[0, 1])
            powers[:, i, j] = series.convert(kind=np.polynomial.Polynomial, domain=[0, 1], window=[0, 1]).coef
    with jax.enable_x64(True):
        times = jnp.linspace(0, 1, 11)
        ours = polynomial(3, DEGREE, basis).weights({"coefficients": jnp.asarray(coefficients)}, times)
        theirs = polynomial(3, DEGREE, "monomial").weights({"coefficients": jnp.asarray(powers)}, times)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("basis", BASES)
def test_functions_are_at_most_one_and_one_at_the_end(basis):
    values = np.asarray(BASES[basis](TIMES, DEGREE))
    assert values.shape == (11, DEGREE + 1)
    assert np.abs(values).max() <= 1 + 1e-5
    np.testing.assert_allclose(values[-1], 1, atol=1e-5)


@pytest.mark.parametrize("basis", BASES)
def test_entries_start_with_variances_near_one_over_h(basis):
    trajectory = polynomial(100, 5, basis)
    variances = np.asarray(trajectory.weights(trajectory.init(jax.random.key(2)), TIMES)).var(axis=(1, 2)) * 100
    assert variances.min() > 0.7
    assert variances.max() < 1.3


@pytest.mark.parametrize("basis", BASES)
def test_degree_0_is_the_constant_trajectory(basis):
    trajectory = polynomial(2, 0, basis)
    W = trajectory.init(jax.random.key(3))["coefficients"][0]
    weights = trajectory.weights({"coefficients": W[None]}, TIMES)
    np.testing.assert_array_equal(weights, constant(2).weights({"W": W}, TIMES))


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"degree is -1.*≥ 0"):
        polynomial(2, -1)
    with pytest.raises(UserError, match=r"'chebishev': did you mean 'chebyshev'"):
        polynomial(2, 1, "chebishev")
