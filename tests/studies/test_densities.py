"""Targets are normalised; a flow that is trained comes nearer to its target, and stays a density."""

import numpy as np
import pytest

from odes_rl_studies.densities import DensitiesConfig, learn
from odes_rl_studies.targets import ENERGIES, grid, integral, target_log_density


def quiet(line):
    pass


@pytest.mark.parametrize("name", ENERGIES)
def test_a_target_integrates_to_one(name):
    assert abs(integral(target_log_density(name)) - 1) < 1e-4


def test_the_mixtures_energy_is_normalised_as_it_is():
    points = grid(6.0, 301)[0]
    np.testing.assert_allclose(target_log_density("mixture")(points), -ENERGIES["mixture"](points), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["planar", "continuous", "Hutchinson"])
def test_training_brings_a_flow_nearer_and_leaves_it_a_density(kind):
    config = DensitiesConfig(directory="unused", steps=300, solver_steps=4, points=4000)
    before = learn("mixture", kind, 8, config.model_copy(update={"steps": 1}), quiet)
    after = learn("mixture", kind, 8, config, quiet)
    assert after.divergence < 0.5 * before.divergence
    assert after.divergence > -4 * after.error
    assert abs(integral(after.log_density) - 1) < 1e-3
