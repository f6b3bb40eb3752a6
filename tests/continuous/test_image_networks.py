"""Fields and networks of images: the convolution is XLA's, augmentation adds channels, depth scales every entry."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from odes_rl.continuous.convolution import convolve
from odes_rl.continuous.fields import convolution_field, higher_order, network_field
from odes_rl.continuous.inputs import at_places, at_rest, identity, linear, zeros_added
from odes_rl.continuous.network import continuous_network
from odes_rl.continuous.solving import Solving, solve

SIDE, CHANNELS = 4, 3
AXES = ("NHWC", "HWIO", "NHWC")
IMAGES = jax.random.normal(jax.random.key(0), (5, SIDE, SIDE, CHANNELS))
EULER = Solving(solver="euler", solver_steps=2)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_the_convolution_and_its_gradients_are_xlas(size):
    images = jax.random.normal(jax.random.key(1), (2, 5, 7, 3))
    kernel = jax.random.normal(jax.random.key(2), (size, size, 3, 4))
    expected = lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=AXES)
    np.testing.assert_allclose(convolve(images, kernel), expected, rtol=1e-4, atol=1e-5)
    plain = partial(lax.conv_general_dilated, window_strides=(1, 1), padding="SAME", dimension_numbers=AXES)
    weights = jax.random.normal(jax.random.key(3), expected.shape)
    found, wanted = (
        jax.grad(lambda x, k, f=f: jnp.sum(weights * f(x, k)), (0, 1))(images, kernel) for f in (convolve, plain)
    )
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("inputs", "channels"),
    [
        (identity(CHANNELS), 3),
        (zeros_added(CHANNELS, 2), 5),
        (linear(CHANNELS, 5), 5),
        (at_rest(identity(CHANNELS)), 6),
    ],
)
def test_inputs_act_at_each_place(inputs, channels):
    inputs = at_places(inputs, SIDE**2)
    params = inputs.init(jax.random.key(3))
    start = inputs.apply(params, IMAGES)
    assert start.shape == (5, SIDE, SIDE, channels)
    assert inputs.size == start[0].size
    moved = inputs.apply(params, jnp.roll(IMAGES, 1, axis=1))
    np.testing.assert_array_equal(moved, jnp.roll(start, 1, axis=1))


def test_a_state_of_second_order_moves_by_its_velocity():
    field = higher_order(convolution_field(2 * CHANNELS, 4, CHANNELS))
    params = field.prepare(field.init(jax.random.key(4)))
    z = jnp.concatenate([IMAGES, 2 * IMAGES], axis=-1)
    change = field.apply(params, jnp.zeros(()), z, IMAGES)
    assert change.shape == z.shape
    np.testing.assert_array_equal(change[..., :CHANNELS], 2 * IMAGES)


def test_time_is_a_channel():
    field = convolution_field(CHANNELS, 4, time=True)
    params = field.init(jax.random.key(4))
    early, late = (field.apply(params, jnp.array(t), IMAGES, IMAGES) for t in (0.0, 1.0))
    assert early.shape == IMAGES.shape
    assert jnp.abs(late - early).max() > 1e-3


def test_a_network_of_images_is_eulers_recursion_and_an_affine_map_of_all_entries():
    field = convolution_field(CHANNELS, 4)
    network = continuous_network(at_places(identity(CHANNELS), SIDE**2), field, 2, EULER)
    params = network.init(jax.random.key(5))
    found, _ = network.apply(params, IMAGES)
    z = IMAGES
    for _ in range(2):
        z = z + field.apply(params["field"], jnp.zeros(()), z, IMAGES) / 2
    output = params["output"]
    expected = z.reshape(5, -1) @ output["weight"].T + output["bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_linear_equation_of_third_order_follows_its_closed_form():
    """q⃛ = −q̇ from q = 1, q̇ = 1, q̈ = 0 is q = 1 + sin t."""
    field = higher_order(network_field(3, (), 1), 3)
    params = [{"weight": jnp.array([[0.0, -1.0, 0.0]]), "bias": jnp.zeros(1)}]
    start = jnp.array([[1.0, 1.0, 0.0]])
    times = jnp.array([0.0, 0.5, 1.0])
    found = solve(Solving(tolerance=1e-6), lambda t, z, p: field.apply(p, t, z, z), params, start, times).states[:, 0]
    exact = jnp.stack([1 + jnp.sin(times), jnp.cos(times), -jnp.sin(times)], axis=1)
    np.testing.assert_allclose(found, exact, atol=1e-4)
    rest = at_rest(identity(2), 3)
    np.testing.assert_array_equal(rest.apply({}, jnp.ones((1, 2))), [[1, 1, 0, 0, 0, 0]])
    assert rest.size == 6
