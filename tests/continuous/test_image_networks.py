"""Fields and networks of images: the convolution is XLA's, augmentation adds channels, depth scales every entry."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from odes_rl.continuous.convolution import convolve, squares
from odes_rl.continuous.fields import convolution_field, higher_order, network_field
from odes_rl.continuous.inputs import at_places, at_rest, identity, in_turn, linear, patches, strided, zeros_added
from odes_rl.continuous.network import continuous_network
from odes_rl.continuous.normalising import Scaled
from odes_rl.continuous.solving import Solving, solve

SIDE, CHANNELS = 4, 3
AXES = ("NHWC", "HWIO", "NHWC")
IMAGES = jax.random.normal(jax.random.key(0), (5, SIDE, SIDE, CHANNELS))
EULER = Solving(solver="euler", solver_steps=2)


@pytest.mark.parametrize(("kind", "axes"), [("batch", (0, 1, 2)), ("group", (1, 2))])
def test_states_with_large_means_are_normalised(kind, axes):
    scaled, x = Scaled(kind, CHANNELS), 1000 + 0.1 * IMAGES
    expected = np.asarray(x, np.float64)
    deviation = np.sqrt(expected.var(axes, keepdims=True) + 1e-5)
    expected = (expected - expected.mean(axes, keepdims=True)) / deviation
    np.testing.assert_allclose(scaled.apply(scaled.init(CHANNELS), x, None)[0], expected, atol=2e-3)


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


@pytest.mark.parametrize(("adjoint", "error"), [("direct", 1e-5), ("checkpointed", 1e-5), ("backsolve", 0.03)])
def test_a_flow_of_convolutions_has_the_same_gradient_by_every_adjoint(adjoint, error):
    field = convolution_field(CHANNELS, 4, time=True)
    params = field.init(jax.random.key(5))
    solving = Solving(solver="euler", solver_steps=200, adjoint=adjoint)

    def loss(params):
        flow = solve(solving, lambda t, z, p: field.apply(p, t, z, z), params, IMAGES, jnp.array([0.0, 1.0]))
        return jnp.mean(flow.states[-1] ** 2)

    def unrolled(params):
        z = IMAGES
        for step in range(200):
            z = z + field.apply(params, jnp.array(step / 200), z, z) / 200
        return jnp.mean(z**2)

    found, expected = jax.jit(jax.grad(loss))(params), jax.jit(jax.grad(unrolled))(params)
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert jnp.abs(ours - theirs).max() < error * jnp.abs(theirs).max()


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


def test_a_patch_is_a_place():
    images = jnp.arange(2 * 6 * 6.0).reshape(2, 6, 6, 1)
    start = patches(6, 1, 3).apply({}, images)
    assert start.shape == (2, 2, 2, 9)
    np.testing.assert_array_equal(start[1, 0, 1], images[1, :3, 3:, 0].ravel())
    assert patches(6, 1, 3).size == start[0].size


def test_a_patch_at_the_end_of_an_image_has_zeros_beyond_it():
    images = jnp.ones((2, 7, 7, 1))
    start = patches(7, 1, 3).apply({}, images)
    assert patches(7, 1, 3).size == start[0].size
    np.testing.assert_array_equal(start[0, 0, 2], [1, 0, 0] * 3)


@pytest.mark.parametrize(("side", "halvings", "places"), [(8, 2, 2), (7, 2, 2), (5, 1, 3)])
def test_a_stem_of_strided_convolutions_halves_the_sides(side, halvings, places):
    inputs = strided(side, 2, 4, halvings=halvings, groups=2)
    params = inputs.init(jax.random.key(6))
    images = jax.random.normal(jax.random.key(7), (3, side, side, 2))
    start = inputs.apply(params, images)
    assert start.shape == (3, places, places, 4)
    assert inputs.size == start[0].size
    # Normalisation takes the size of an image away; each image is normalised by itself.
    np.testing.assert_allclose(inputs.apply(params, 100 * images), start, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(inputs.apply(params, images[:1]), start[:1], rtol=1e-5, atol=1e-5)


def test_a_halving_is_a_convolution_of_side_2_and_stride_2():
    kernel = jax.random.normal(jax.random.key(8), (2, 2, CHANNELS, 5))
    expected = lax.conv_general_dilated(IMAGES, kernel, (2, 2), "VALID", dimension_numbers=AXES)
    np.testing.assert_allclose(squares(IMAGES) @ kernel.reshape(-1, 5), expected, rtol=1e-5, atol=1e-5)


def test_inputs_in_turn_are_composed():
    both = in_turn(patches(SIDE, CHANNELS, 2), at_places(linear(4 * CHANNELS, 5), 4))
    params = both.init(jax.random.key(9))
    start = both.apply(params, IMAGES)
    own = params["second"]
    expected = patches(SIDE, CHANNELS, 2).apply({}, IMAGES) @ own["weight"].T + own["bias"]
    np.testing.assert_allclose(start, expected, rtol=1e-5, atol=1e-6)
    assert both.size == start[0].size


def test_a_normalised_field_does_not_see_the_size_of_its_state():
    field = convolution_field(CHANNELS, 4, activation="relu", groups=1)
    params = field.init(jax.random.key(10))
    assert [layer["scaling"]["gain"].shape for layer in params] == [(CHANNELS,), (4,), (4,)]
    now = jnp.zeros(())
    moved = field.apply(params, now, IMAGES, IMAGES)
    np.testing.assert_allclose(field.apply(params, now, 10 * IMAGES, IMAGES), moved, rtol=1e-3, atol=1e-3)
    plain = convolution_field(CHANNELS, 4, activation="relu")
    assert not np.allclose(plain.apply(params, now, IMAGES, IMAGES), moved, atol=0.1)
