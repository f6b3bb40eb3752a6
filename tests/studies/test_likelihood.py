"""Data in the plane has the density it says, pixels have bits by closed forms, and training fits both."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.continuous import Solving
from odes_rl_studies.likelihood import LikelihoodConfig, fit
from odes_rl_studies.likelihood_digits import Fitted, LikelihoodDigitsConfig, drawn, log_probability, measured
from odes_rl_studies.likelihood_digits import fit as fit_digits
from odes_rl_studies.pixels import LEVELS, bits, copula_of, counted, independent_bits, levels_of
from odes_rl_studies.planar_data import DATA
from odes_rl_studies.targets import grid, integral


def quiet(line):
    pass


@pytest.mark.parametrize("name", DATA)
def test_a_density_integrates_to_one(name):
    assert abs(integral(DATA[name].log_density, 5.96, 150) - 1) < 1e-4  # edges of squares lie between points


def test_a_checkerboard_holds_its_lower_border_and_not_its_upper_one():
    density = DATA["checkerboard"].log_density
    assert np.isfinite(density(jnp.array([[-4.0, -3.9]]))).all()
    assert not np.isfinite(density(jnp.array([[4.0, 3.9]]))).any()


@pytest.mark.parametrize("name", DATA)
def test_samples_fall_where_their_density_is(name):
    drawn = np.asarray(DATA[name].draw(jax.random.key(0), 20000))
    sides = np.linspace(-5, 5, 11)
    counts, *_ = np.histogram2d(*drawn.T, bins=(sides, sides))
    points, area = grid(4.95, 100)
    mass = np.exp(np.asarray(DATA[name].log_density(points), np.float64)) * area
    expected, *_ = np.histogram2d(*np.asarray(points).T, bins=(sides, sides), weights=mass)
    deviation = np.sqrt(expected / len(drawn)) + 2e-3
    assert (np.abs(counts / len(drawn) - expected) < 5 * deviation).all()
    assert counts.sum() == len(drawn)


@pytest.mark.slow
@pytest.mark.parametrize("name", DATA)
def test_training_brings_a_flow_nearer_and_leaves_it_a_density(name):
    config = LikelihoodConfig(directory="unused", width=16, steps=1, solver_steps=4, points=2000, batch=64)
    before, after = (fit(name, config.model_copy(update={"steps": steps}), quiet) for steps in (1, 200))
    assert after.divergences.mean() < 0.8 * before.divergences.mean()
    assert after.divergences.mean() > -4 * after.divergences.std() / 2000**0.5
    assert abs(integral(after.log_density) - 1) < 1e-3


@pytest.fixture(scope="module")
def values():
    generator = np.random.default_rng(0)
    return np.clip(generator.normal(8, 3, (400, 4)) @ np.tri(4) / 2, 0, LEVELS - 1).astype(np.int32)


def test_bytes_give_their_levels_back():
    counted = np.tile(np.arange(LEVELS), 4)[:64].reshape(1, 8, 8)
    np.testing.assert_array_equal(levels_of(np.round(counted * (255 / 16)).astype(np.uint8))[0], counted.ravel())


def test_a_copula_makes_levels_normal_and_gives_them_back(values):
    copula = copula_of(values, jax.random.key(0), ridge=0.0)

    @jax.jit
    def there_and_back(levels):
        w = copula.independent(copula.normal(levels, jax.random.uniform(jax.random.key(1), levels.shape)))
        return w, copula.levels(w)

    w, levels = map(np.asarray, there_and_back(jnp.asarray(values)))
    np.testing.assert_allclose(np.cov(w.T), np.eye(4), atol=0.15)
    assert np.abs(np.corrcoef(values.T) - np.eye(4)).max() > 0.5
    np.testing.assert_array_equal(levels, values)


def test_a_copulas_log_volume_is_that_of_differences(values):
    copula, noise = copula_of(values, jax.random.key(0)), jnp.full((1, 4), 0.4)
    levels = jnp.asarray(values[:1])

    def independent(noise):
        return copula.independent(copula.normal(levels, noise[None]))[0]

    jacobian = jax.jit(jax.jacfwd(independent))(noise[0])
    volume = jax.jit(lambda noise: copula.log_volume(levels, copula.normal(levels, noise))[0])(noise)
    np.testing.assert_allclose(volume, jnp.linalg.slogdet(jacobian)[1], rtol=1e-4)


def test_without_correlation_the_copula_has_the_bits_of_independent_pixels(values):
    alone = copula_of(values, jax.random.key(0))._replace(factor=jnp.eye(4))
    flow = Fitted(lambda t, z, params: z, {}, alone, np.empty(0))
    log_p = jax.jit(partial(log_probability, flow, Solving(), None))(jax.random.key(1), jnp.asarray(values))
    np.testing.assert_allclose(bits(log_p, 4), independent_bits(np.asarray(alone.shares), values), rtol=1e-3)


def test_bits_of_independent_pixels_are_their_entropy():
    shares = counted(np.zeros((100, 3), np.int32))
    np.testing.assert_allclose(independent_bits(shares, np.array([[0, 0, 0], [5, 5, 5]])), np.log2([117 / 101, 117]))


@pytest.mark.slow
def test_a_flow_of_pixels_lowers_the_bits_of_what_it_was_not_shown(values):
    config = LikelihoodDigitsConfig(
        directory="unused", width=16, steps=100, batch=64, solver_steps=3, learning_rate=0.01, draws=2
    )
    flow = fit_digits(values[:200], values[200:300], config, quiet)
    assert flow.looks[:, 2].min() < flow.looks[0, 2]
    normal, exact, estimated = (measured(values[300:], flow, trace, config) for trace in (None, "exact", "Hutchinson"))
    assert exact.mean() < normal.mean()
    assert np.abs(exact.mean() - estimated.mean()) < 0.05
    assert np.abs(exact - estimated).max() > 1e-4
    assert np.abs(drawn(jax.random.key(3), 300, flow, config, flowing=True).mean() - values.mean()) < 0.5
