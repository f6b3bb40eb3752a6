"""Polynomial weights with batch normalisation and with reflections, and trainings that fail beside others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.flows.trajectories.nodes import left_nodes
from odes_rl.supervised.models.flow import FlowModelConfig, flow_model
from odes_rl_studies.digits import Learned, learn, load_digits
from odes_rl_studies.householder import HouseholderConfig
from odes_rl_studies.stabilised_flows import (
    TIMES,
    Normalised,
    Variant,
    failed,
    measure,
    stabilised_flow,
    standardised,
    trajectory_of,
)

WIDTH, STEPS = 6, 5
DIGITS = load_digits()


def config(**options):
    return HouseholderConfig(directory="unused", training=20, batch_size=32, **options)


def flow(variant: Variant, normalised: Normalised = "product"):
    return stabilised_flow(variant, WIDTH, STEPS, DIGITS, normalised)


def scaled_weights(params, factor):
    return params | {"trajectory": jax.tree.map(lambda leaf: factor * leaf, params["trajectory"])}


@pytest.mark.parametrize("width", [3, 4])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_reflected_polynomials_are_orthogonal_with_determinant_minus_one_to_the_h(width, scale):
    trajectory = trajectory_of("Householder", width)
    params = jax.tree.map(lambda leaf: scale * leaf, trajectory.init(jax.random.key(0)))
    weights = np.asarray(trajectory.weights(params, jnp.asarray(TIMES)), np.float64)
    np.testing.assert_allclose(weights.mT @ weights, np.broadcast_to(np.eye(width), weights.shape), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(weights), (-1.0) ** width, atol=1e-5)
    assert np.abs(weights[-1] - weights[0]).max() > 0.1


def test_coefficients_start_with_variance_one_by_h():
    coefficients = trajectory_of("plain", 40).init(jax.random.key(0))["coefficients"]
    assert coefficients.shape == (5, 40, 40)
    np.testing.assert_allclose(coefficients.var(axis=(1, 2)), 1 / 40, rtol=0.1)


def test_standardised_has_mean_zero_and_variance_one_in_each_unit():
    z = np.asarray(standardised(5 + 3 * jax.random.normal(jax.random.key(0), (200, 7)), 200))
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(z.var(axis=0), 1, atol=1e-3)


@pytest.mark.parametrize("normalised", ["product", "state"])
def test_batch_normalisation_sees_no_digit_that_is_not_counted(normalised):
    network = flow("batch norm", normalised)
    params = network.classifier.init(jax.random.key(0))
    seen = network.end(params, DIGITS.images[:40], 40)
    beside_others = network.end(params, DIGITS.images[:60].at[40:].multiply(9), 40)
    np.testing.assert_allclose(beside_others[:40], seen, atol=1e-5)
    np.testing.assert_allclose(network.end(params, DIGITS.images[:60], 40)[:40], seen, atol=1e-5)
    assert np.abs(network.end(params, DIGITS.images[:60], 60)[:40] - seen).max() > 1e-3


def test_a_normalised_product_has_no_scale_and_a_plain_one_has():
    def move(variant):
        network = flow(variant)
        params = network.classifier.init(jax.random.key(0))
        ends = [network.end(scaled_weights(params, factor), DIGITS.images[:50], 50) for factor in (1, 10)]
        return float(jnp.abs(ends[1] - ends[0]).max())

    assert move("batch norm") < 1e-2
    assert move("plain") > 1


def test_the_plain_variant_is_the_flow_model():
    network = flow("plain")
    params = network.classifier.init(jax.random.key(0)) | {"bias": jnp.linspace(-1, 1, WIDTH)}
    options = FlowModelConfig(name="nanode", width=WIDTH, steps=STEPS)
    model = flow_model(options, 64, 10, network.trajectory, left_nodes(STEPS))
    expected = model.apply(params, DIGITS.images[:20], None)
    np.testing.assert_allclose(network.classifier.apply(params, DIGITS.images[:20]), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("variant", "normalised"),
    [("plain", "product"), ("batch norm", "product"), ("batch norm", "state"), ("Householder", "product")],
)
def test_training_lowers_the_loss(variant, normalised):
    network = flow(variant, normalised)
    [learned] = learn([network.classifier], DIGITS, config(seeds=2), [0.03])
    assert learned.losses.shape == (20, 1, 2)
    assert (learned.losses[-5:].mean(axis=0) < learned.losses[:5].mean(axis=0)).all()
    trained = measure(network, learned, DIGITS)
    assert trained.test.shape == trained.norms.shape == (1, 2)
    assert (trained.singular[..., 0] >= trained.singular[..., -1]).all()
    if variant == "Householder":
        np.testing.assert_allclose(trained.singular, 1, atol=1e-5)


def test_a_seed_that_fails_is_told_and_the_others_go_on():
    network, options = flow("batch norm"), config(seeds=3)
    second = jax.random.split(jax.random.split(jax.random.key(options.seed))[0], 3)[1]

    def init(key):
        params = network.classifier.init(key)
        broken = jnp.array_equal(jax.random.key_data(key), jax.random.key_data(second))
        return params | {"bias": jnp.where(broken, jnp.nan, params["bias"])}

    [learned] = learn([network.classifier._replace(init=init)], DIGITS, options, [0.05])
    [whole] = learn([network.classifier], DIGITS, options, [0.05])
    trained = measure(network, learned, DIGITS)
    assert failed(trained).tolist() == [[False, True, False]]
    assert np.isnan(learned.losses[:, 0, 1]).all()
    np.testing.assert_allclose(learned.losses[:, 0, ::2], whole.losses[:, 0, ::2], rtol=1e-3)


def test_a_learning_rate_that_fails_leaves_the_others_alone():
    network = flow("plain")
    [learned] = learn([network.classifier], DIGITS, config(seeds=2), [0.05, 1e30])
    assert failed(measure(network, learned, DIGITS)).tolist() == [[False, False], [True, True]]
    assert (learned.losses[-5:, 0].mean(axis=0) < learned.losses[:5, 0].mean(axis=0)).all()
    np.testing.assert_array_equal(learned.losses[0, 0], learned.losses[0, 1])


def test_an_end_at_chance_is_a_failure():
    network = flow("plain")
    params = jax.tree.map(lambda leaf: jnp.zeros((1, *leaf.shape)), network.classifier.init(jax.random.key(0)))
    assert failed(measure(network, Learned(params, np.zeros((20, 1, 1)), 1.0), DIGITS)).tolist() == [[True]]
