"""One field, two densities: each integrates to 1, and they differ."""

import jax
import jax.numpy as jnp
import pytest

from odes_rl.continuous.density import log_density
from odes_rl.continuous.fields import network_field
from odes_rl.continuous.solving import Solving
from odes_rl_studies.conditional_flow import ConditionalFlowConfig, condition_field, learn_both
from odes_rl_studies.targets import integral


def test_both_densities_of_an_arbitrary_field_integrate_to_one_and_differ():
    params = network_field(2, (8,), time=True, control=1).init(jax.random.key(0))
    solving = Solving(tolerance=1e-5)

    def zero(x):
        return log_density(solving, condition_field(8, 0.0), params, x)

    def one(x):
        return log_density(solving, condition_field(8, 1.0), params, x)

    assert abs(integral(zero) - 1) < 1e-3
    assert abs(integral(one) - 1) < 1e-3
    x = jax.random.normal(jax.random.key(1), (20, 2))
    assert jnp.abs(zero(x) - one(x)).max() > 0.1


@pytest.mark.slow
def test_both_learned_densities_integrate_to_one():
    config = ConditionalFlowConfig(directory="unused", steps=200, width=16, solver_steps=4, points=1000)
    for flow in learn_both(config, lambda line: None)[1]:
        assert abs(integral(flow.log_density) - 1) < 1e-3
        assert flow.divergence > -4 * flow.error
