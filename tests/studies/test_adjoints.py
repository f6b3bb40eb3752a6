"""What the adjoints cost."""

import jax
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from odes_rl_studies.adjoints import AdjointsConfig, _fixed, _loss, _setting, evaluated, forward_gradient, memory

SETTING = _setting(AdjointsConfig(directory="unused", width=16, batch_size=32))


@pytest.mark.parametrize(
    ("way", "least", "most"),
    [
        ("scan", 8, 20),
        pytest.param("checkpointed", 1.05, 6, marks=pytest.mark.slow),
        ("backsolve", 0.9, 1.1),
        pytest.param("sensitivity", 0.9, 1.1, marks=pytest.mark.slow),
    ],
)
def test_memory_grows_with_the_steps_with_their_root_or_not_at_all(way, least, most):
    few, many = memory(SETTING, way, 16), memory(SETTING, way, 256)
    assert least < many / few < most


@pytest.mark.slow
def test_a_smaller_tolerance_costs_evaluations_forwards_and_backwards_and_errs_less():
    loose, tight = (evaluated(SETTING, tolerance) for tolerance in (1e-1, 1e-4))
    assert tight[0] > loose[0] > 0
    assert tight[1] > loose[1] > 0
    assert tight[2] < loose[2]


def test_the_sensitivity_equation_has_the_gradient_of_the_adjoint():
    setting = _setting(AdjointsConfig(directory="unused", width=4, batch_size=3))
    exact = jax.jit(jax.grad(_loss(_fixed("direct", 5), setting)))(setting.params)
    found = jax.jit(lambda params: forward_gradient(setting, params, 5))(setting.params)
    np.testing.assert_allclose(found, ravel_pytree(exact)[0], atol=1e-5)
    assert np.abs(found).max() > 1e-2
