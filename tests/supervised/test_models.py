"""What holds of every supervised model, and the equations of each."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from odes_rl.act import find_rule
from odes_rl.errors import UserError
from odes_rl.flows.trajectories import TRAJECTORIES
from odes_rl.flows.trajectories.bases import BASES
from odes_rl.manifolds import tree_violation
from odes_rl.policies import make_policy, policy_config_class
from odes_rl.supervised.models import MODELS, make_model, model_config_class
from odes_rl.training.epochs import activation_bytes

VECTORS = [name for name in MODELS if MODELS.find(name).takes == "vectors"]
INPUTS, OUTPUTS, WIDTH, STEPS = 12, 4, 8, 5
VARIANTS = {
    **{name: {} for name in VECTORS},
    "dense 3": {"depth": 3},
    "dense stiefel": {"projections": "stiefel", "depth": 2, "activation": "relu"},
    "node stiefel": {"projections": "stiefel"},
    "base_ode frozen": {"projections": "frozen"},
    "nanode 4": {"degree": 4},
    **{f"nanode {basis}": {"basis": basis, "degree": 2} for basis in BASES},
    "nanode householder": {"householder": True},
    "hyper_net coupled": {"flow": "coupled", "time_input": True},
    "hyper_net 4 t": {"gates": 4, "gate_inputs": "t"},
    "ode_to_ode 10": {"gates": 10},
    "ode_to_ode t_W": {"gate_inputs": "t_W", "gate_width": 3},
    "ode_to_ode isospectral": {"flow": "isospectral", "solver": "rkmk4"},
    "ode_to_ode stiefel": {"projections": "stiefel", "flow": "none"},
    "ode_to_ode relu": {"activation": "relu"},
    "node tanh": {"activation": "tanh"},
}


def build(variant, **options):
    name = variant.split()[0]
    steps = {} if name in ("dense", "linear") else {"steps": STEPS}
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


def gradients_of(model, params):
    return jax.jit(jax.grad(lambda p: jnp.sum(model.apply(p, examples(), None) ** 2)))(params)


def test_a_bucket_for_each_step_is_the_unconstrained_residual_network_gradients_included():
    residual, params = build("uncon_res_net", step=1 / STEPS)
    bucketed, _ = build("nanode bucketed", buckets=STEPS)
    shared = params | {"bias": params["bias"][0]}
    np.testing.assert_allclose(apply(bucketed, shared, examples()), apply(residual, params, examples()), rtol=1e-5)
    ours, theirs = gradients_of(bucketed, shared), gradients_of(residual, params)
    np.testing.assert_allclose(ours["trajectory"]["W"], theirs["trajectory"]["W"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ours["bias"], theirs["bias"].sum(0), rtol=1e-4)


ALIKE = {
    "base_ode": ("base_ode", {}, {}),
    "gated_kernels": ("gated_kernels", {"kernels": 3}, {"kernels": 3}),
    "con_res_net": ("con_res_net", {}, {}),
    "deep_res_net": ("uncon_res_net", {}, {}),
    "app_node": ("app_node", {}, {}),
    "autonomous": ("node", {}, {}),
    "nanode": ("nanode", {"basis": "chebyshev"}, {"basis": "chebyshev", "degree": 5}),
    "hyper_net": ("hyper_net", {"time_input": True}, {"flow": "coupled", "time_input": True}),
    "ode_to_ode": ("ode_to_ode", {}, {"flow": "isospectral", "projections": "stiefel"}),
    "trajectory_flow": ("trajectory_flow", {"trajectory": "givens"}, {"trajectory": "givens"}),
}
"""Policies, the model of each, and the options of both that make them alike."""


@pytest.mark.parametrize("policy_name", ALIKE)
def test_a_model_is_the_policy_of_that_architecture(policy_name):
    name, of_policy, of_model = ALIKE[policy_name]
    config = policy_config_class(policy_name)(
        **{"hidden": WIDTH, "steps": STEPS, "output_scale": 1.0, "linear_path": False} | of_policy
    )
    policy = make_policy(config, INPUTS, OUTPUTS)
    params = policy.init(jax.random.key(5))
    if "biases" in params:
        params["biases"] = 0.1 * jax.random.normal(jax.random.key(6), params["biases"].shape)
    expected = find_rule(policy.act_rule).array(policy.materialise(params), examples())
    model = make_model(model_config_class(name)(**{"width": WIDTH, "steps": STEPS} | of_model), INPUTS, OUTPUTS)
    ends = {end: {"weight": params[end], "bias": jnp.zeros(len(params[end]))} for end in ("input", "output")}
    start = model.init(jax.random.key(0))
    inner = {key: params[key] for key in start if key in params and key not in ends}
    biases = params.get("biases", jnp.zeros((1, WIDTH)))
    if name == "app_node":
        inner["time"] = biases[0]
    elif "bias" in start:
        inner["bias"] = biases if name == "uncon_res_net" else biases[0]
    given = start | inner | ends
    assert jax.tree.map(jnp.shape, given) == jax.tree.map(jnp.shape, start)
    np.testing.assert_allclose(apply(model, given, examples()), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("trajectory", TRAJECTORIES)
def test_any_trajectory_makes_a_flow(trajectory):
    options = {"layers": STEPS} if trajectory == "per_layer" else {}
    config = {"width": WIDTH, "steps": STEPS, "trajectory": trajectory, "trajectory_options": options}
    model = make_model(model_config_class("trajectory_flow")(**config), INPUTS, OUTPUTS)
    params = jax.eval_shape(model.init, jax.random.key(0))
    assert jax.tree.structure(params) == jax.tree.structure(model.manifolds)
    assert jax.eval_shape(model.apply, params, examples(), None).shape == (3, OUTPUTS)


def test_options_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match="flow_scale is 0, where gradients of Q and N are 0"):
        build("ode_to_ode", flow="isospectral", flow_scale=0)
    with pytest.raises(ValueError, match="buckets is 7, but there are only 5 steps"):
        build("nanode bucketed", buckets=7)
    with pytest.raises(ValueError, match=r"trajectory_options\.degre"):
        build("trajectory_flow", trajectory="trigonometric", trajectory_options={"degre": 3})
    with pytest.raises(UserError, match="'per_layer': times are 5, but there are 25 layers: use layers=5"):
        build("trajectory_flow", trajectory="per_layer")
    with pytest.raises(UserError, match="'bucketed': it has 7 pieces, but 5 times see no more than that"):
        build("trajectory_flow", trajectory="bucketed", trajectory_options={"buckets": 7})
    with pytest.raises(UserError, match="'trigonometric': degree is -1"):
        build("trajectory_flow", trajectory="trigonometric", trajectory_options={"degree": -1})


SPARING = ["node", "app_node", "nanode chebyshev", "nanode bucketed", "hyper_net 4 t", "gated_kernels"]
"""Weights that are functions of time, weights that flow themselves, and networks."""


@pytest.mark.parametrize("variant", SPARING)
@pytest.mark.parametrize("adjoint", ["checkpointed", "backsolve"])
def test_gradients_with_less_memory_are_the_direct_ones(variant, adjoint):
    model, params = build(variant, steps=10)
    frugal, _ = build(
        variant, steps=10, adjoint=adjoint, **({"backsolve_iterations": 8} if adjoint == "backsolve" else {})
    )
    np.testing.assert_allclose(apply(frugal, params, examples()), apply(model, params, examples()), atol=1e-5)
    ours, theirs = jax.tree.leaves(gradients_of(frugal, params)), jax.tree.leaves(gradients_of(model, params))
    for own, exact in zip(ours, theirs, strict=True):
        size = np.abs(exact).max()
        np.testing.assert_allclose(own / size, exact / size, atol=2e-4)


@pytest.mark.parametrize("adjoint", ["checkpointed", "backsolve"])
def test_steps_that_buckets_divide_unevenly_have_the_same_weights_with_less_memory(adjoint):
    options = {"trajectory": "bucketed", "trajectory_options": {"buckets": 5}, "steps": 64}
    model, params = build("trajectory_flow", **options)
    frugal, _ = build("trajectory_flow", **options, adjoint=adjoint)
    np.testing.assert_allclose(apply(frugal, params, examples()), apply(model, params, examples()), atol=1e-5)


def test_constant_memory_does_not_grow_with_the_steps():
    def bytes_of(adjoint, steps) -> Any:
        model, params = build("nanode 4", steps=steps, adjoint=adjoint)
        program = jax.jit(jax.grad(lambda p: jnp.sum(model.apply(p, examples(64), None) ** 2)))
        return activation_bytes(program.lower(params).compile())

    direct, checkpointed, backsolve = (bytes_of(adjoint, 64) for adjoint in ("direct", "checkpointed", "backsolve"))
    assert direct > 64 * 64 * WIDTH * 4
    assert checkpointed < 0.6 * direct
    assert backsolve < 0.5 * checkpointed
    assert bytes_of("backsolve", 256) < 1.2 * backsolve
