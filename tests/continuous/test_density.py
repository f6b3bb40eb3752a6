"""Densities along flows: traces, both directions, closed forms, and that they integrate to 1."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.continuous.density import (
    exact_trace,
    hutchinson_trace,
    log_density,
    normal_log_density,
    sample_and_log_density,
)
from odes_rl.continuous.fields import network_field
from odes_rl.continuous.planar import gated_field, planar_init, planar_log_density, planar_sample
from odes_rl.continuous.solving import Solving
from odes_rl_studies.targets import integral

SOLVING = Solving(tolerance=1e-6)
FIELDS = {"gated": gated_field(2, 8), "network": network_field(2, (16,), time=True)}


def arbitrary(name, seed=0):
    """A field, and parameters half as large again as where they start: the grids below resolve their densities."""
    params = jax.tree.map(lambda leaf: 1.5 * np.asarray(leaf), jax.jit(FIELDS[name].init)(jax.random.key(seed)))
    return field_of(name), params


def field_of(name):
    return lambda t, z, params: FIELDS[name].apply(params, t, z, z)


@functools.cache
def compiled_density(name):
    return jax.jit(lambda params, x: log_density(SOLVING, field_of(name), params, x))


@functools.partial(jax.jit, static_argnums=(0, 1))
def sample(solving, name, params, start, probe=None):
    return sample_and_log_density(solving, field_of(name), params, start, probe)


@pytest.mark.parametrize("name", FIELDS)
def test_the_exact_trace_is_the_jacobians(name):
    field, params = arbitrary(name)
    z = jax.random.normal(jax.random.key(1), (7, 2))
    value, trace = jax.jit(lambda z: exact_trace(lambda z: field(0.3, z, params), z))(z)
    jacobians = jax.jit(jax.vmap(jax.jacrev(lambda z: field(0.3, z[None], params)[0])))(z)
    np.testing.assert_allclose(trace, np.trace(jacobians, axis1=1, axis2=2), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(value, field(0.3, z, params), rtol=1e-5, atol=1e-6)


def test_hutchinsons_estimate_is_unbiased():
    field, params = arbitrary("network")
    z = jax.random.normal(jax.random.key(1), (5, 2))
    probes = jax.random.rademacher(jax.random.key(2), (20000, 5, 2), jnp.float32)

    @jax.jit
    def traces(probes):
        estimate = jax.vmap(lambda probe: hutchinson_trace(lambda z: field(0.3, z, params), z, probe)[1])
        return estimate(probes), exact_trace(lambda z: field(0.3, z, params), z)[1]

    estimates, exact = map(np.asarray, traces(probes))
    deviation = estimates.std(0)
    assert (deviation > 1e-3).all()
    assert (np.abs(estimates.mean(0) - exact) < 5 * deviation / len(probes) ** 0.5 + 1e-5).all()


@pytest.mark.parametrize("name", FIELDS)
def test_samples_have_the_density_that_sampling_told(name):
    _, params = arbitrary(name)
    start = jax.random.normal(jax.random.key(3), (50, 2))
    x, told = sample(SOLVING, name, params, start)
    assert np.abs(np.asarray(x) - start).max() > 0.1
    np.testing.assert_allclose(compiled_density(name)(params, x), told, atol=1e-3)


def test_a_probe_changes_the_density_alone():
    _, params = arbitrary("network")
    start = jax.random.normal(jax.random.key(3), (50, 2))
    probe = jax.random.rademacher(jax.random.key(4), start.shape, start.dtype)
    fixed = Solving(solver="dopri5", solver_steps=20)
    x, exact = sample(fixed, "network", params, start)
    same, estimated = sample(fixed, "network", params, start, probe)
    np.testing.assert_allclose(same, x, atol=1e-5)
    assert np.abs(np.asarray(estimated) - exact).max() > 1e-2


def test_a_linear_field_gives_the_gaussian_of_the_matrix_exponential():
    A = jnp.array([[0.5, -1.2], [0.7, -0.3]])
    x = 2 * jax.random.normal(jax.random.key(5), (40, 2))
    found = jax.jit(lambda A, x: log_density(SOLVING, lambda t, z, A: z @ A.T, A, x))(A, x)
    flow = jax.scipy.linalg.expm(A)
    gaussian = jax.scipy.stats.multivariate_normal.logpdf(x, jnp.zeros(2), flow @ flow.T)
    np.testing.assert_allclose(found, gaussian, rtol=1e-4, atol=1e-4)


def test_estimates_of_a_linear_fields_density_average_to_it_over_all_signs():
    A = jnp.array([[0.5, -1.2], [0.7, -0.3]])
    x = jax.random.normal(jax.random.key(5), (6, 2))
    signs = jnp.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])

    @jax.jit
    def densities(probe):
        return log_density(SOLVING, lambda t, z, A: z @ A.T, A, x, probe)

    estimates = np.stack([densities(jnp.broadcast_to(sign, x.shape)) for sign in signs])
    flow = jax.scipy.linalg.expm(A)
    gaussian = jax.scipy.stats.multivariate_normal.logpdf(x, jnp.zeros(2), flow @ flow.T)
    np.testing.assert_allclose(estimates.mean(0), gaussian, rtol=1e-4, atol=1e-4)
    assert np.ptp(estimates, axis=0).min() > 0.5


@pytest.mark.parametrize(("name", "seed"), [("gated", 0), pytest.param("network", 1, marks=pytest.mark.slow)])
def test_a_continuous_flows_density_integrates_to_one(name, seed):
    _, params = arbitrary(name, seed)
    assert abs(integral(lambda x: compiled_density(name)(params, x), 8.0, 601) - 1) < 1e-3


@pytest.mark.parametrize("layers", [1, 8])
def test_a_planar_flows_density_integrates_to_one(layers):
    params = jax.tree.map(lambda leaf: 2 * leaf, planar_init(jax.random.key(0), layers))
    assert abs(integral(lambda x: planar_log_density(params, x)) - 1) < 1e-3


def test_a_planar_flow_is_inverted_and_its_density_is_the_jacobians():
    params = jax.tree.map(lambda leaf: 2 * leaf, planar_init(jax.random.key(0), 8))
    start = jax.random.normal(jax.random.key(1), (50, 2))
    x, told = jax.jit(planar_sample)(params, start)
    np.testing.assert_allclose(jax.jit(planar_log_density)(params, x), told, atol=1e-3)
    jacobians = jax.jit(jax.vmap(jax.jacrev(lambda z: planar_sample(params, z[None])[0][0])))(start)
    np.testing.assert_allclose(told, normal_log_density(start) - jnp.linalg.slogdet(jacobians)[1], atol=1e-4)


def test_a_planar_layer_is_invertible_however_far_its_u_points_back():
    params = {"u": jnp.array([[-15.0, 0.0]]), "w": jnp.array([[1.0, 0.0]]), "b": jnp.zeros(1)}
    start = jnp.array([[1e-4, 0.0], [0.0, 0.0], [1.0, 0.0], [-3.0, 2.0]])
    x, told = planar_sample(params, start)
    assert jnp.isfinite(told).all()
    np.testing.assert_allclose(planar_log_density(params, x)[2:], told[2:], rtol=1e-4)
    assert jnp.isfinite(planar_log_density(params, x)).all()
    still = {"u": jnp.ones((1, 2)), "w": jnp.zeros((1, 2)), "b": jnp.ones(1)}  # moves all alike
    np.testing.assert_allclose(planar_sample(still, start)[1], normal_log_density(start), rtol=1e-6)


def test_a_planar_flows_density_has_the_gradient_of_finite_differences():
    params = jax.tree.map(lambda leaf: 2 * leaf, planar_init(jax.random.key(0), 3))
    x = jax.random.normal(jax.random.key(1), (20, 2))
    along = jax.tree.map(lambda leaf: jax.random.normal(jax.random.key(leaf.size), leaf.shape), params)
    mean = jax.jit(
        lambda length: planar_log_density(jax.tree.map(lambda p, v: p + length * v, params, along), x).mean()
    )
    differences = (mean(0.01) - mean(-0.01)) / 0.02
    np.testing.assert_allclose(jax.grad(mean)(0.0), differences, rtol=1e-2)
