"""What holds of every supervised model, and the equations of each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from odes_rl.manifolds import tree_violation
from odes_rl.supervised.models import MODELS, make_model, model_config_class

VECTORS = [name for name in MODELS if MODELS.find(name).takes == "vectors"]
INPUTS, OUTPUTS, WIDTH, STEPS = 12, 4, 8, 5
VARIANTS = {
    **{name: {} for name in VECTORS},
    "dense 3": {"depth": 3},
    "nanode 4": {"degree": 4},
    "hyper_net 4 t": {"gates": 4, "gate_inputs": "t"},
    "ode_to_ode 10": {"gates": 10},
    "ode_to_ode t_W": {"gate_inputs": "t_W", "gate_width": 3},
    "ode_to_ode isospectral": {"flow": "isospectral", "solver": "rkmk4"},
    "ode_to_ode relu": {"activation": "relu"},
    "node tanh": {"activation": "tanh"},
}


def build(variant, **options):
    name = variant.split()[0]
    steps = {} if name == "dense" else {"steps": STEPS}
    config = model_config_class(name)(**{"width": WIDTH} | steps | VARIANTS[variant] | options)
    model = make_model(config, INPUTS, OUTPUTS)
    return model, jax.jit(model.init)(jax.random.key(0))


def examples(count=3):
    return jnp.asarray(np.random.default_rng(1).uniform(size=(count, INPUTS)), jnp.float32)


def apply(model, params, images, key=None):
    """Compiled; `key` is that of dropout."""
    return np.asarray(jax.jit(model.apply)(params, images, key))


def test_every_model_is_among_the_variants():
    assert {variant.split()[0] for variant in VARIANTS} == set(VECTORS)


@pytest.mark.parametrize("variant", VARIANTS)
def test_outputs_have_their_shape_and_each_example_is_by_itself(variant):
    model, params = build(variant)
    outputs = apply(model, params, examples())
    assert outputs.shape == (3, OUTPUTS)
    assert outputs.dtype == np.float32
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3
    for i in range(3):  # as many of one example, which compiles no other program
        alike = np.repeat(np.asarray(examples())[i : i + 1], 3, axis=0)
        np.testing.assert_allclose(apply(model, params, alike), np.repeat(outputs[i : i + 1], 3, axis=0), atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_parameters_mirror_their_manifolds_and_all_of_them_matter(variant):
    model, params = build(variant)
    assert jax.tree.structure(params) == jax.tree.structure(model.manifolds)
    assert tree_violation(model.manifolds, params) < 1e-5
    gradients = jax.jit(jax.grad(lambda params: jnp.sum(model.apply(params, examples(), None) ** 2)))(params)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(gradients))


@pytest.mark.parametrize("variant", ["dense", "node", "ode_to_ode"])
def test_dropout_changes_outputs_by_chance_and_not_their_mean(variant):
    model, params = build(variant, dropout=0.4)
    calm = apply(model, params, examples())
    keys = jax.random.split(jax.random.key(2), 1000)
    outputs = np.asarray(jax.jit(jax.vmap(lambda key: model.apply(params, examples(), key)))(keys))
    assert outputs.std(axis=0).min() > 1e-2
    if variant.split()[0] == "dense":  # dropout before a nonlinear flow moves its mean
        np.testing.assert_allclose(outputs.mean(axis=0), calm, atol=0.1)


def numbers(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


def test_ode_to_ode_is_equation_6_with_weights_on_a_geodesic():
    model, params = build("ode_to_ode 10")
    params["bias"] = 0.1 * jax.random.normal(jax.random.key(3), (WIDTH,))
    p = numbers(params)
    t = p["trajectory"]
    b = sum(a * (f - f.T) for a, f in zip(t["gates"], t["matrices"], strict=True))
    x = np.asarray(examples()) @ p["input"]["weight"].T + p["input"]["bias"]
    for i in range(1, STEPS + 1):
        W = t["initial"] @ scipy.linalg.expm(i / STEPS * b)
        x = x + np.abs(x @ W.T + p["bias"]) / STEPS
    expected = x @ p["output"]["weight"].T + p["output"]["bias"]
    np.testing.assert_allclose(apply(model, params, examples()), expected, atol=1e-5)


def test_dense_is_what_it_says():
    model, params = build("dense 3")
    p = numbers(params)
    x = np.asarray(examples())
    for layer in p["hidden"]:
        x = np.abs(x @ layer["weight"].T + layer["bias"])
    expected = x @ p["output"]["weight"].T + p["output"]["bias"]
    np.testing.assert_allclose(apply(model, params, examples()), expected, atol=1e-5)
    assert len(p["hidden"]) == 3


def test_nanode_of_degree_0_is_node():
    constant, params = build("node")
    varying, _ = build("nanode", degree=0)
    same = params | {"trajectory": {"coefficients": params["trajectory"]["W"][None]}}
    np.testing.assert_allclose(apply(varying, same, examples()), apply(constant, params, examples()), atol=1e-6)
