"""Models of images: what holds of each, the equations of Table 1's, kernels, normalisation, and memory."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from odes_rl.continuous import Solving, convolve, solve
from odes_rl.errors import UserError
from odes_rl.flows.trajectories import TRAJECTORIES, gated, per_layer, trigonometric
from odes_rl.manifolds import tree_exp, tree_horizontal, tree_to_tangent, tree_violation
from odes_rl.supervised.models import MODELS, input_shape, make_model, model_config_class
from odes_rl.supervised.models.depth import FlowGradient, through_depth
from odes_rl.supervised.models.images.kernels import as_matrices, kernel_field, kernels
from odes_rl.training.epochs import activation_bytes

SHAPE, CLASSES, STEPS = (4, 4, 2), 3, 3
NAMES = [name for name in MODELS if MODELS.find(name).takes == "images"]
VARIANTS = {
    **{name: {} for name in NAMES},
    "image_b_nanode": {"buckets": 2},
    "image_t_nanode": {"degree": 2},
    "image_t_nanode batch": {"degree": 1, "normalisation": "batch", "stages": 2},
    "image_auto householder": {"normalisation": "householder"},
    "image_auto none": {"normalisation": "none", "activation": "abs"},
    "image_app_node bottleneck": {"kernels": (1, 3, 1), "bottleneck": 2},
    "image_flow gated": {"trajectory": "gated", "trajectory_options": {"gates": 2}},
}


def build(variant, shape=SHAPE, **options) -> tuple[Any, Any]:
    name = variant.split()[0]
    config = model_config_class(name)(**{"width": 4, "steps": STEPS, "stages": 1} | VARIANTS[variant] | options)
    model = make_model(config, shape, CLASSES)
    return model, jax.jit(model.init)(jax.random.key(0))


def images(count=4, shape=SHAPE):
    return jnp.asarray(np.random.default_rng(1).uniform(size=(count, *shape)), jnp.float32)


def loss_and_gradients(model, params, key=None):
    return jax.jit(jax.value_and_grad(lambda p: jnp.sum(model.apply(p, images(), key) ** 2)))(params)


def close(left, right, tolerance):
    for ours, theirs in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        size = float(jnp.max(jnp.abs(theirs))) + 1e-6
        np.testing.assert_allclose(ours / size, theirs / size, atol=tolerance)


@pytest.mark.parametrize("variant", VARIANTS)
def test_parameters_mirror_their_manifolds_and_all_of_them_matter(variant):
    model, params = build(variant)
    assert jax.tree.structure(params) == jax.tree.structure(model.manifolds)
    assert tree_violation(model.manifolds, params) < 1e-5
    (_, outputs), gradients = jax.jit(
        jax.value_and_grad(lambda p: (jnp.sum((x := model.apply(p, images(), None)) ** 2), x), has_aux=True)
    )(params)
    assert outputs.shape == (4, CLASSES)
    assert float(jnp.abs(outputs[0] - outputs[1]).max()) > 1e-4
    assert all(np.any(leaf) for leaf in jax.tree.leaves(gradients))


def with_kernels(params, found):
    """`params` with other ones of the kernels of the one convolution."""
    (block,) = params["blocks"]
    return params | {"blocks": [[block[0] | {"kernels": found}]]}


def test_trigonometric_kernels_of_degree_0_are_constant_ones():
    constant, params = build("image_auto")
    varying, _ = build("image_t_nanode", degree=0)
    W = params["blocks"][0][0]["kernels"]["W"]
    same = with_kernels(params, {"coefficients": W[:, None]})
    value, gradients = loss_and_gradients(varying, same)
    expected, wanted = loss_and_gradients(constant, params)
    assert value == pytest.approx(float(expected), rel=1e-5)
    close(gradients["first"], wanted["first"], 1e-5)


def test_bucketed_kernels_for_each_step_are_the_unconstrained_residual_network():
    residual, params = build("image_uncon_res_net", step=1 / STEPS)
    bucketed, _ = build("image_b_nanode", buckets=STEPS)
    value, gradients = loss_and_gradients(bucketed, params)
    expected, wanted = loss_and_gradients(residual, params)
    assert value == pytest.approx(float(expected), rel=1e-6)
    close(gradients, wanted, 1e-6)


def test_a_constant_flow_is_the_constrained_residual_network_with_short_steps_and_an_app_node_that_sees_no_time():
    flow, params = build("image_auto")
    residual, _ = build("image_con_res_net", step=1 / STEPS)
    timed, timed_params = build("image_app_node")
    expected = flow.apply(params, images(), None)
    np.testing.assert_allclose(residual.apply(params, images(), None), expected, atol=1e-6)
    blind = timed_params | {"blocks": [[timed_params["blocks"][0][0] | params["blocks"][0][0]]]}
    np.testing.assert_allclose(timed.apply(blind, images(), None), expected, atol=1e-6)
    seeing = jax.tree.map(lambda leaf: leaf + 0.1 if leaf.shape == (3, 3, 1, 4) else leaf, blind)
    assert float(jnp.abs(timed.apply(seeing, images(), None) - expected).max()) > 1e-3


@pytest.mark.parametrize(("adjoint", "tolerance"), [("checkpointed", 1e-5), ("backsolve", 2e-4)])
def test_gradients_with_less_memory_are_the_direct_ones(adjoint, tolerance):
    options = {"steps": 10, "width": 8}
    direct, params = build("image_t_nanode", **options)
    frugal, _ = build(
        "image_t_nanode", **options, adjoint=adjoint, **({"backsolve_iterations": 6} if adjoint == "backsolve" else {})
    )
    value, gradients = loss_and_gradients(frugal, params)
    expected, wanted = loss_and_gradients(direct, params)
    assert value == pytest.approx(float(expected), rel=1e-5)
    close(gradients, wanted, tolerance)


def test_more_iterations_find_states_again_more_exactly():
    layers = 0.8 * jax.random.normal(jax.random.key(0), (8, 6, 6))
    x = jax.random.normal(jax.random.key(1), (3, 6))

    def gradient(adjoint, iterations):
        keeping = FlowGradient(adjoint=adjoint, backsolve_iterations=iterations)

        def step(x, own):
            shared, W = own
            return x + 0.125 * jnp.tanh(x @ W.T + shared)

        def loss(x, shared, layers):
            return jnp.sum(through_depth(step, x, shared, layers, keeping) ** 2)

        return jax.jit(jax.grad(loss, (0, 1, 2)))(x, jnp.zeros(6), layers)

    exact = gradient("direct", 1)
    errors = [
        max(float(jnp.abs(a - b).max()) for a, b in zip(gradient("backsolve", count), exact, strict=True))
        for count in (1, 2, 4)
    ]
    assert errors[0] > 5 * errors[1] > 25 * errors[2]
    close(gradient("checkpointed", 1), exact, 1e-6)


def test_activations_take_less_memory_the_less_of_them_is_kept():
    def bytes_of(adjoint, steps) -> Any:
        model, params = build("image_auto", shape=(16, 16, 1), adjoint=adjoint, steps=steps, normalisation="none")
        seen = images(8, (16, 16, 1))
        program = jax.jit(jax.grad(lambda p: jnp.sum(model.apply(p, seen, None) ** 2)))
        return activation_bytes(program.lower(params).compile())

    state = 4 * 8 * 16 * 16 * 4
    direct, checkpointed, backsolve = (bytes_of(adjoint, 36) for adjoint in ("direct", "checkpointed", "backsolve"))
    assert direct > 36 * state
    assert 6 * state < checkpointed < 0.7 * direct
    assert backsolve < 0.5 * checkpointed


def test_orthogonal_blocks_make_kernels_with_orthonormal_rows_and_stay_so():
    made = kernels(partial(gated, gates=2), 3, 4, 4)
    params = made.init(jax.random.key(0))

    @jax.jit
    def rows(params):
        W = as_matrices(made.along(params, jnp.arange(3) / 3))
        return W @ W.mT

    @jax.jit
    def moved_by_gradient(params):
        gradient = jax.grad(lambda p: jnp.sum(made.along(p, jnp.arange(3) / 3)[..., 0] ** 3))(params)
        tangent = tree_horizontal(made.manifolds, params, tree_to_tangent(made.manifolds, params, gradient))
        return tree_exp(made.manifolds, params, tangent)

    np.testing.assert_allclose(rows(params), np.broadcast_to(np.eye(4), (3, 4, 4)), atol=1e-5)
    moved = moved_by_gradient(params)
    np.testing.assert_allclose(rows(moved), np.broadcast_to(np.eye(4), (3, 4, 4)), atol=1e-5)
    assert float(jnp.abs(moved["initial"] - params["initial"]).max()) > 1e-3


@pytest.mark.parametrize(("inputs", "outputs"), [(4, 4), (8, 4), (4, 8)])
def test_householder_kernels_have_orthonormal_rows(inputs, outputs):
    made = kernels(partial(trigonometric, degree=1), 3, inputs, outputs, householder=True)
    W = as_matrices(made.along(made.init(jax.random.key(0)), jnp.arange(2) / 2))
    assert W.shape == (2, outputs, 9 * inputs)
    np.testing.assert_allclose(W @ W.mT, np.broadcast_to(np.eye(outputs), (2, outputs, outputs)), atol=1e-5)


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_kernels_along_any_trajectory_start_with_variance_one_over_fan_in(name):
    options = {"layers": 2} if name == "per_layer" else {}
    made = kernels(partial(TRAJECTORIES[name], **options), 3, 16, 8)
    params = jax.jit(made.init)(jax.random.key(3))
    found = jax.jit(made.along)(params, jnp.array([0.0, 0.5]))
    assert found.shape == (2, 3, 3, 16, 8)
    assert float(jnp.mean(found**2)) * 9 * 16 == pytest.approx(1, rel=0.35)


@pytest.mark.parametrize("name", ["trigonometric", "bucketed", "gated_hypernetwork"])
def test_kernels_wherever_a_solver_asks_are_those_of_many_steps(name):
    options = {"gated_hypernetwork": {"inputs": "t"}}.get(name, {})
    make = partial(TRAJECTORIES[name], **options)
    field, z = kernel_field(make, 3, 2), images(2)
    params = jax.jit(field.init)(jax.random.key(0))
    solving = Solving(solver="tsit5", tolerance=1e-5)

    def velocity(t, z, prepared):
        return field.apply(prepared, t, z, z)

    @jax.jit
    def solved(params):
        return solve(solving, velocity, field.prepare(params), z, jnp.array([0.0, 1.0]), field.jumps).states[-1]

    @jax.jit
    def stepped(params):
        along = kernels(make, 3, 2, 2).along(params["kernels"], jnp.arange(500) / 500)
        return jax.lax.scan(lambda z, K: (z + jnp.tanh(convolve(z, K) + params["bias"]) / 500, None), z, along)[0]

    np.testing.assert_allclose(solved(params), stepped(params), atol=1e-2)
    assert float(jnp.abs(solved(params) - z).max()) > 0.1


def test_a_kernel_is_the_matrix_of_its_blocks():
    made = kernels(partial(per_layer, layers=1), 1, 6, 2)
    params = made.init(jax.random.key(0))
    (matrix,) = as_matrices(made.along(params, jnp.zeros(1)))
    np.testing.assert_allclose(matrix, np.concatenate(np.asarray(params["W"])[:, 0], axis=1) / 3**0.5, rtol=1e-6)


def test_batch_statistics_are_those_of_what_it_settles_on():
    model, params = build("image_t_nanode batch")
    settled = jax.jit(model.settle)(params, images())
    np.testing.assert_allclose(
        model.apply(settled, images(), None), model.apply(params, images(), jax.random.key(0)), atol=1e-5
    )
    one = model.apply(settled, images()[:1], None)
    np.testing.assert_allclose(one, model.apply(settled, images(), None)[:1], atol=1e-5)
    assert jax.tree.map(jnp.shape, settled) == jax.tree.map(jnp.shape, params)


def test_a_trace_is_what_apply_does():
    model, params = build("image_t_nanode batch")
    found = model.trace(params, images(), None)
    np.testing.assert_allclose(found.outputs, model.apply(params, images(), None), atol=1e-5)
    assert [states.shape for states in found.states] == [(STEPS + 1, 4, 4, 4, 4), (STEPS + 1, 4, 2, 2, 8)]
    assert [[W.shape for W in stage] for stage in model.kernels(params)] == [[(STEPS, 4, 36)], [(STEPS, 8, 72)]]


def test_a_block_overfits_a_batch_of_noise():
    model, params = build("image_t_nanode", width=16, normalisation="batch")
    labels, seen = jnp.arange(12) % CLASSES, images(12)
    optimizer = optax.adam(0.01)

    def step(carry, _):
        params, memory = carry

        def loss(params):
            logits = model.apply(params, seen, jax.random.key(0))
            return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))

        value, gradient = jax.value_and_grad(loss)(params)
        change, memory = optimizer.update(gradient, memory)
        return (optax.apply_updates(params, change), memory), value

    values = jax.jit(lambda p: jax.lax.scan(step, (p, optimizer.init(p)), length=150)[1])(params)
    assert values[0] > 0.8
    assert values[-1] < 0.02


def test_shapes_of_inputs():
    assert input_shape("node", (4, 5)) == (20,)
    assert input_shape("node", (4, 5, 3)) == (60,)
    assert input_shape("image_auto", (4, 5)) == (4, 5, 1)
    assert input_shape("image_auto", (4, 5, 3)) == (4, 5, 3)
    model, params = build("image_auto", shape=(5, 7, 1), stages=3)  # odd sides
    found = jax.eval_shape(model.apply, params, images(2, (5, 7, 1)), None)
    assert found.shape == (2, CLASSES)


MISTAKES = [
    ({"kernels": (2,)}, "kernels has the side 2, but sides must be odd"),
    ({"kernels": (1, 3, 1), "bottleneck": 3}, "bottleneck is 3, but must divide width, which is 4"),
    ({"bottleneck": 2}, "one convolution has none between"),
    ({"kernels": (3, 1), "bottleneck": 2, "normalisation": "householder"}, "fewer inputs than outputs"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES)
def test_options_that_do_not_fit_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        model_config_class("image_auto")(**{"width": 4} | options)


def test_what_a_config_cannot_see_is_told_when_the_model_is_built():
    with pytest.raises(UserError, match="cannot be halved so often"):
        build("image_auto", stages=4)
    with pytest.raises(UserError, match="give \\(height, width, channels\\)"):
        make_model(model_config_class("image_auto").model_validate({}), 12, 3)
    with pytest.raises(ValueError, match="buckets is 4, but 3 steps see no more than 3"):
        build("image_b_nanode", buckets=4)
    with pytest.raises(ValueError, match=r"trajectory_options\.degre"):
        build("image_flow", trajectory_options={"degre": 3})
    with pytest.raises(UserError, match="'trigonometric': degree is -1"):
        build("image_flow", trajectory_options={"degree": -1})
