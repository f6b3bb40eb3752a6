"""Conditional flows: what their fields see, densities that integrate to 1, and derivatives by closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.continuous import Solving, log_density
from odes_rl_studies.conditional_models import ConditionalFlowConfig, learn, make_flow, sample
from odes_rl_studies.targets import integral, target_log_density
from odes_rl_studies.warped_bases import (
    base_log_density,
    counted_divergence,
    determinant,
    draw_base,
    warp,
    warp_by_trace,
)

SOLVING = Solving(tolerance=1e-6)
A, B = jnp.array([[0.5, -1.2], [0.7, -0.3]]), jnp.array([[0.8, 0.4], [-0.6, 0.5]])


def linear(t, z, start, params):
    return z @ A.T + start @ B.T


def test_both_densities_of_an_arbitrary_labelled_field_integrate_to_one_and_differ():
    flow = make_flow("label", 8)
    params = flow.network.init(jax.random.key(0))
    solving = Solving(tolerance=1e-5)
    zero, one = (lambda x, c=c: log_density(solving, flow.field_at(c), params, x) for c in range(2))
    assert abs(integral(zero) - 1) < 1e-3
    assert abs(integral(one) - 1) < 1e-3
    x = jax.random.normal(jax.random.key(1), (20, 2))
    assert jnp.abs(zero(x) - one(x)).max() > 0.1


def test_the_derivative_of_a_linear_flow_that_sees_its_start_is_in_closed_form():
    start = jax.random.normal(jax.random.key(0), (5, 2))
    x, derivative = jax.jit(lambda start: warp(SOLVING, linear, None, start))(start)
    flow = jax.scipy.linalg.expm(A)
    total = flow + jnp.linalg.solve(A, (flow - jnp.eye(2)) @ B)  # e^A + ∫ e^(A(1−t)) dt B
    np.testing.assert_allclose(derivative, np.broadcast_to(total, (5, 2, 2)), atol=1e-4)
    np.testing.assert_allclose(x, start @ total.T, atol=1e-4)
    np.testing.assert_allclose(determinant(derivative), float(jnp.linalg.det(total)), rtol=1e-3)


def test_the_trace_alone_misses_what_the_start_adds():
    start = jax.random.normal(jax.random.key(0), (5, 2))
    _, volume = jax.jit(lambda start: warp_by_trace(SOLVING, linear, None, start))(start)
    np.testing.assert_allclose(volume, float(jnp.trace(A)), atol=1e-4)
    total = jax.scipy.linalg.expm(A) + jnp.linalg.solve(A, (jax.scipy.linalg.expm(A) - jnp.eye(2)) @ B)
    assert abs(float(jnp.log(jnp.linalg.det(total))) - float(jnp.trace(A))) > 0.1


@pytest.mark.slow
def test_without_a_condition_both_ways_to_the_density_agree():
    flow = make_flow("none", 8)
    params = flow.network.init(jax.random.key(0))
    normal = jax.random.normal(jax.random.key(1), (50, 2))
    both = [sample(flow, SOLVING, params, normal, 1, exactly=exactly) for exactly in (True, False)]
    np.testing.assert_allclose(both[0][0], both[1][0], atol=1e-4)
    np.testing.assert_allclose(both[0][1], both[1][1], atol=1e-3)


def test_a_base_has_the_density_it_says():
    drawn = draw_base(jax.random.key(0), 1, 20000)
    assert integral(lambda x: base_log_density(1, x)) == pytest.approx(1, abs=1e-4)
    assert counted_divergence(np.asarray(drawn), lambda x: base_log_density(1, x)) < 0.03


def test_counting_finds_the_divergence_of_two_normals():
    drawn = np.asarray(draw_base(jax.random.key(0), 0, 100000)) * [1, 1] + [0.6, 0]
    found = counted_divergence(drawn, lambda x: base_log_density(0, x))
    assert found == pytest.approx(0.5, abs=0.04)  # (shift / deviation)² / 2


@pytest.mark.slow
def test_both_learned_densities_integrate_to_one():
    config = ConditionalFlowConfig(directory="unused", steps=200, width=16, solver_steps=4, points=1000, counted=2000)
    learned = learn("label", config, lambda line: None)
    for c, part in enumerate(learned.conditions):
        field = make_flow("label", 16).field_at(c)
        density = jax.jit(lambda x, field=field: log_density(Solving(tolerance=1e-5), field, learned.params, x))
        assert abs(integral(density) - 1) < 1e-3
        assert part.divergence > -4 * part.error
        assert abs(part.divergence - part.by_trace) < 1e-2
        assert part.folded == 0


@pytest.mark.slow
def test_a_flow_that_sees_its_start_learns_both_targets():
    config = ConditionalFlowConfig(directory="unused", width=16, solver_steps=4, points=1000, counted=20000)
    first, last = (learn("start", config.model_copy(update={"steps": steps}), lambda line: None) for steps in (1, 200))
    for before, after in zip(first.conditions, last.conditions, strict=True):
        assert after.counted < 0.5 * before.counted
    assert np.isfinite(np.asarray(target_log_density("mixture")(jnp.asarray(last.conditions[1].drawn)))).all()
