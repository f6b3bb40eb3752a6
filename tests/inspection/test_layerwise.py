"""What happens through a model's hidden layers, against the model itself and its automatic derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from odes_rl.act.activations import activate
from odes_rl.errors import UserError
from odes_rl.inspection.depth import gradient_bounds, inside
from odes_rl.inspection.layerwise import hidden_states, in_float64, look_through, loss_gradients, transition_matrices
from odes_rl.supervised.models import MODELS, make_model, model_config_class
from odes_rl.supervised.models.model import HiddenLayers

INPUTS, CLASSES, WIDTH, STEPS = 9, 4, 8, 6
NO_LAYERS = ("base_ode", "gated_kernels", "linear")
"""Models whose layers have more than one matrix each, or that have none."""
VARIANTS = {
    **{name: {} for name, family in MODELS.items() if family.takes == "vectors" and name not in NO_LAYERS},
    "dense": {"depth": STEPS},
    "dense relu": {"depth": STEPS, "activation": "relu"},
    "ode_to_ode isospectral": {"flow": "isospectral"},
    "ode_to_ode relu": {"activation": "relu"},
    "node tanh": {"activation": "tanh"},
}


def examples(count=5):
    rng = np.random.default_rng(3)
    return rng.random((count, INPUTS)).astype(np.float32), rng.integers(CLASSES, size=count)


@pytest.fixture(scope="module", params=VARIANTS)
def built(request):
    """A model whose biases are not zero, its parameters, and its layers in float64."""
    name = request.param.split()[0]
    steps = {} if name == "dense" else {"steps": STEPS}
    config = model_config_class(name).model_validate({"width": WIDTH} | steps | VARIANTS[request.param])
    model = make_model(config, INPUTS, CLASSES)
    params = jax.tree.map(
        lambda leaf: leaf + 0.2 * jnp.cos(jnp.arange(leaf.size)) if leaf.ndim == 1 else leaf,
        model.init(jax.random.key(0)),
    )
    assert model.layers
    return model, params, in_float64(model.layers(params))


def onwards(layers, x, first=0):
    """The last state from `x`, the one before layer number `first` [h]."""
    for W, b in zip(layers.weights[first:], layers.biases[first:], strict=True):
        change = activate(layers.activation, jnp.asarray(W, jnp.float32) @ x + b)
        x = change if layers.step is None else x + layers.step * change
    return x


def cross_entropy(logits, label):
    return optax.softmax_cross_entropy_with_integer_labels(logits, label)


def test_layers_are_what_the_model_computes(built):
    model, params, layers = built
    inputs, _ = examples()
    states = hidden_states(layers, inputs)
    assert states.shape == (len(layers.weights) + 1, 5, WIDTH)
    outputs = states[-1] @ layers.output["weight"].T + layers.output["bias"]
    np.testing.assert_allclose(outputs, model.apply(params, inputs, None), atol=2e-5)


def test_gradients_are_those_of_the_models_loss(built):
    model, params, layers = built
    inputs, labels = examples()
    states = hidden_states(layers, inputs)
    gradients = loss_gradients(layers, states, labels)

    def loss(params, example, label):
        return cross_entropy(model.apply(params, example[None], None)[0], label)

    by_params = jax.vmap(jax.grad(loss), (None, 0, 0))(params, inputs, labels)
    if layers.step is not None:  # the bias of the first layer shifts x_0
        np.testing.assert_allclose(gradients[0], by_params["input"]["bias"], atol=1e-5)
        return
    for x, gradient, layer in zip(states, gradients, by_params["hidden"], strict=True):  # a bias shifts f's argument
        np.testing.assert_allclose(np.abs(layer["bias"]), np.where(x > 0, np.abs(gradient), 0), atol=1e-5)


def test_gradients_at_every_depth_are_those_of_what_follows(built):
    _, _, layers = built
    inputs, labels = examples()
    states = hidden_states(layers, inputs)
    gradients = loss_gradients(layers, states, labels)

    def loss(x, first, label):
        return cross_entropy(layers.output["weight"] @ onwards(layers, x, first) + layers.output["bias"], label)

    for k in range(len(states)):
        exact = jax.vmap(lambda x, label, k=k: jax.grad(loss)(x, k, label))(jnp.asarray(states[k]), labels)
        np.testing.assert_allclose(gradients[k], exact, atol=1e-5)


def test_the_transition_matrix_is_the_jacobian(built):
    _, _, layers = built
    inputs, _ = examples(1)
    states = hidden_states(layers, inputs)[:, 0]
    matrices = transition_matrices(layers, states)
    np.testing.assert_array_equal(matrices[0], np.eye(WIDTH))
    exact = jax.jacobian(lambda x: onwards(layers, x))(jnp.asarray(states[0], jnp.float32))
    np.testing.assert_allclose(matrices[-1], exact, atol=1e-5)


def test_a_look_is_made_of_these(built):
    _, _, layers = built
    inputs, labels = examples()
    found = look_through(layers, inputs, labels)
    np.testing.assert_array_equal(found.states, hidden_states(layers, inputs))
    norms = np.linalg.norm(loss_gradients(layers, found.states, labels), axis=-1)
    np.testing.assert_allclose(found.ratios * norms[-1], norms)
    singular = np.linalg.svd(transition_matrices(layers, found.states[:, 0]), compute_uv=False)
    told = ~np.isnan(found.sensitivities)
    np.testing.assert_array_equal(found.sensitivities[told], singular[told])
    assert (singular[~told] < 1e-14 * singular.max()).all()


@pytest.mark.parametrize(
    "options", [{}, {"flow": "isospectral"}, {"activation": "relu"}, {"gate_inputs": "t_W"}], ids=str
)
@pytest.mark.parametrize("steps", [1, 25])
def test_ode_to_ode_keeps_within_the_bounds(options, steps):
    config = model_config_class("ode_to_ode").model_validate({"width": WIDTH, "steps": steps} | options)
    model = make_model(config, INPUTS, CLASSES)
    assert model.layers
    found = look_through(model.layers(model.init(jax.random.key(1))), *examples(40))
    low, high = bounds = gradient_bounds(steps, euler=True)
    assert inside(found.ratios, bounds).all()
    assert inside(found.sensitivities, (low[::-1], high[::-1])).all()
    assert found.ratios.max() > 1 + 0.1 * (high.max() - 1)


def sign_layers(steps):
    """All that is |x| with x < 0: each step shrinks the state's gradient by 1 − η."""
    eye, none = np.eye(3), np.zeros(3)
    weights, biases = np.broadcast_to(eye, (steps, 3, 3)), np.zeros((steps, 3))
    affine = {"weight": eye, "bias": none}
    return HiddenLayers("abs", 1 / max(steps, 1), affine, weights, biases, affine)


def test_the_lower_bound_is_attained_and_no_more_is_allowed():
    ratios = look_through(sign_layers(25), -np.ones((2, 3)), np.array([0, 2])).ratios
    bounds = gradient_bounds(25, euler=True)
    np.testing.assert_allclose(ratios[0], 0.96**25)
    assert inside(ratios, bounds).tolist() == [True, True]
    ratios[3, 1] *= 0.99
    assert inside(ratios, bounds).tolist() == [True, False]


def test_gradients_of_a_model_that_is_sure_are_no_rounding():
    gradients = loss_gradients(sign_layers(0), np.array([[[0.0, 60, 0]]]), np.array([1]))
    p = np.exp(-60)
    np.testing.assert_allclose(gradients[0, 0], [p, -2 * p, p], rtol=1e-12)


def test_examples_without_a_gradient_are_left_out():
    inputs = np.array([[0.0, 2000, 0], [1, 2, 3]])
    assert look_through(sign_layers(2), inputs, np.array([1, 1])).ratios.shape == (3, 1)
    with pytest.raises(UserError, match="no example has a gradient: the loss of each is 0"):
        look_through(sign_layers(2), inputs[:1], np.array([1]))


@pytest.mark.parametrize("value", [np.nan, 1e200])
def test_a_model_that_diverged_is_told(value):
    layers = sign_layers(3)
    with pytest.raises(UserError, match="not finite"):
        look_through(layers._replace(weights=layers.weights * value), -np.ones((1, 3)), np.array([0]))
