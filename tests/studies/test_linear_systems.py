"""Recovery of linear systems, and the unstable one."""

from typing import Any

import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl_studies.linear_systems import LinearSystemsConfig, recover


def quiet(line):
    pass


@pytest.mark.parametrize(
    "name", ["sink", *(pytest.param(name, marks=pytest.mark.slow) for name in ("spiral", "centre"))]
)
def test_a_stable_system_is_recovered_within_a_thousandth(name):
    found = recover(name, LinearSystemsConfig(directory="unused"), quiet)
    assert found.error < 1e-3
    assert found.losses[-1] < 1e-6


@pytest.mark.slow
def test_a_network_finds_the_dynamics_without_knowing_that_they_are_linear():
    options: dict[str, Any] = {"points": 10, "duration": 2.0, "width": 8, "tolerance": 1e-3, "learning_rate": 0.4}
    config = LinearSystemsConfig(directory="unused", steps=150, **options)
    found = recover("spiral", config, quiet, "network")
    assert found.losses[-1] < 0.02 * found.losses[0]
    assert found.velocity < 0.35


def test_of_a_matrix_the_mean_jacobian_is_itself_and_velocities_err_as_it_does():
    config = LinearSystemsConfig(directory="unused", steps=20, points=5, duration=1.0, tolerance=1e-3)
    found = recover("sink", config, quiet)
    A, states = np.diag([-1.0, -2.0]), found.seen.reshape(-1, 2)
    wrong = np.sqrt(np.mean((states @ (found.matrix - A).T) ** 2) / np.mean((states @ A.T) ** 2))
    assert found.velocity == pytest.approx(wrong, rel=1e-4)
    assert found.error == pytest.approx(np.abs(found.matrix - A).max(), rel=1e-5)


def test_an_unstable_system_ends_with_its_cause():
    config = LinearSystemsConfig(directory="unused", duration=100.0, steps=20)
    with pytest.raises(
        UserError, match=r"real part 1 > 0, so solutions grow by e\^100 up to time 100.*smaller duration"
    ):
        recover("source", config, quiet)
