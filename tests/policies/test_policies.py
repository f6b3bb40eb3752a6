"""What holds of every registered policy, and the equations of each against plain NumPy."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from odes_rl.act import find_rule
from odes_rl.act.linear import LinearWeights
from odes_rl.errors import UserError
from odes_rl.flows.trajectories.nodes import left_nodes, right_nodes
from odes_rl.manifolds import Euclidean, tree_violation
from odes_rl.policies import POLICIES, make_policy, policy_config_class
from odes_rl.policies.path import with_path
from odes_rl.policies.policy import Policy, PolicyConfig

N, M, H, L = 7, 3, 5, 4
NAMES = tuple(POLICIES)
PLAIN = {"linear_path": False, "output_scale": 1.0}
"""As the equations are published."""
OPTIONS = {"learn_output_scale": True, "linear_path": True, "action_bias": True}
"""That add parameters to any policy."""
RESIDUAL = ("ode_to_ode", "nanode", "deep_res_net")
NONLINEARITIES = {"abs": np.abs, "relu": lambda x: np.maximum(x, 0), "tanh": np.tanh}


def configure(name, **options):
    """Small options of a policy; `hidden` and `steps` only where it has them."""
    fields = policy_config_class(name).model_fields
    small: dict[str, Any] = {key: value for key, value in {"hidden": H, "steps": L}.items() if key in fields}
    return policy_config_class(name)(name=name, **(small | PLAIN | options))


def build(name, observation_size=N, action_size=M, **options):
    return make_policy(configure(name, **options), observation_size, action_size)


def randomise(params, seed=5):
    """The parameters with those that start at zero, biases and the linear matrix, made random."""
    generator = np.random.default_rng(seed)

    def fill(leaf):
        if np.any(leaf):
            return np.asarray(leaf)
        return np.asarray(0.3 * generator.normal(size=leaf.shape), np.float32)

    return jax.tree.map(fill, params)


class Case(NamedTuple):
    """One policy, three random parameters [3, …], and their weights by vmap."""

    policy: Any
    materialise: Any
    params: Any
    weights: Any


@functools.cache
def case(name):
    policy = build(name, **OPTIONS)
    params = jax.jit(jax.vmap(policy.init))(jax.random.split(jax.random.key(1), 3))
    params = jax.tree.map(np.asarray, params)
    materialise = jax.jit(policy.materialise)
    return Case(policy, materialise, params, jax.jit(jax.vmap(policy.materialise))(params))


def member(tree, i):
    return jax.tree.map(lambda leaf: np.asarray(leaf[i]), tree)


def act(policy, params, observation):
    """The action of the compiled kernel, float32 [m]."""
    weights = policy.materialise(params)  # not under jit: policies share the operations, which compile once
    weights = type(weights)(*(np.asarray(leaf) for leaf in weights))
    action = np.empty(weights[-1].shape[0], np.float32)
    find_rule(policy.act_rule).kernel(weights, np.asarray(observation, np.float32), action)
    return action


@pytest.mark.parametrize("name", NAMES)
def test_manifolds_mirror_the_parameters_which_start_on_them(name):
    policy, _, params, _ = case(name)
    params = member(params, 0)
    assert jax.tree.structure(policy.manifolds) == jax.tree.structure(params)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(params))
    assert tree_violation(policy.manifolds, params) < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_the_act_rules_own_in_float32(name):
    policy, materialise, params, weights = case(name)
    single = materialise(member(params, 0))
    assert type(single) is type(weights) is find_rule(policy.act_rule).weights
    for leaf, stacked in zip(single, weights, strict=True):
        assert leaf.dtype == stacked.dtype == jnp.float32
        assert leaf.ndim >= 1, "a worker takes views of each candidate's leaves, so none may be a scalar"
        assert stacked.shape == (3, *leaf.shape)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_candidates_equals_one_at_a_time_with_one_compilation(name):
    _, materialise, params, weights = case(name)
    for i in range(3):
        for alone, together in zip(materialise(member(params, i)), member(weights, i), strict=True):
            np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-6)
    assert materialise._cache_size() == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_kernel_runs_the_weights_and_equals_the_array_form(name):
    policy, materialise, params, _ = case(name)
    params = randomise(member(params, 0))
    observation = np.linspace(-1, 1, N, dtype=np.float32)
    weights = materialise(params)
    weights = type(weights)(*map(np.asarray, weights))
    action, rule = np.empty(M, np.float32), find_rule(policy.act_rule)
    rule.kernel(weights, observation, action)
    array = rule.array(weights, observation)
    assert array.shape == (M,)
    assert np.abs(action).max() > 1e-2
    assert np.abs(action - array).max() <= 1e-5 * np.abs(action).max()


@pytest.mark.parametrize("name", NAMES)
def test_each_action_has_a_learned_gain_on_the_fixed_scale_which_starts_at_one_and_is_bounded(name):
    learned = build(name, learn_output_scale=True, output_scale=0.3)
    fixed, plain = build(name, output_scale=0.3), build(name)
    params = randomise(plain.init(jax.random.key(3)))
    observation = np.linspace(-1, 1, N)
    unit = act(plain, params, observation)
    np.testing.assert_allclose(act(fixed, params, observation), 0.3 * unit, rtol=1e-5)
    start = learned.init(jax.random.key(3))["log_gain"]
    np.testing.assert_allclose(act(learned, params | {"log_gain": start}, observation), 0.3 * unit, rtol=1e-5)
    scaled = act(learned, params | {"log_gain": np.array([0.01, -1e4, 1e4], np.float32)}, observation)
    np.testing.assert_allclose(scaled, np.array([np.exp(0.01), 0.1, 10]) * 0.3 * unit, rtol=1e-4)
    assert "log_gain" not in jax.eval_shape(fixed.init, jax.random.key(3))


@pytest.mark.parametrize("name", NAMES)
def test_a_linear_path_and_biases_start_at_zero_and_are_added_in_units_of_actions(name):
    plain = build(name, output_scale=0.3)
    direct = build(name, output_scale=0.3, linear_path=True, action_bias=True)
    key, observation = jax.random.key(3), np.linspace(-1, 1, N)
    start = direct.init(key)
    added = {leaf: start[leaf] for leaf in start.keys() - plain.init(key).keys()}
    assert {leaf: value.shape for leaf, value in added.items()} == (
        {"bias": (M,)} if name == "linear" else {"path": (M, N), "bias": (M,)}
    )
    np.testing.assert_array_equal(act(direct, start, observation), act(plain, plain.init(key), observation))
    moved = randomise(added)
    params = randomise(plain.init(key))
    expected = act(plain, params, observation) + moved.get("path", np.zeros((M, N))) @ observation + moved["bias"]
    np.testing.assert_allclose(act(direct, params | moved, observation), expected, rtol=1e-5, atol=1e-6)


def test_a_leaf_of_the_policys_own_that_is_named_path_is_no_linear_path():
    leaf = {"path": jnp.ones((2, 3))}
    own = Policy(lambda key: leaf, {"path": Euclidean()}, lambda params: LinearWeights(params["path"]), "linear")
    config = PolicyConfig(name="own", action_bias=True)
    policy = with_path(config, own, 3, 2)
    params = policy.init(jax.random.key(0))
    np.testing.assert_array_equal(act(policy, params, np.ones(3, np.float32)), [3.0, 3.0])


def test_each_of_the_two_can_be_had_alone_and_a_linear_policy_has_no_second_path():
    inner = {"input", "output", "trajectory"}
    assert set(build("nanode", linear_path=True).manifolds) == inner | {"path"}
    assert set(build("nanode", action_bias=True).manifolds) == inner | {"bias"}
    alone = build("linear", linear_path=True)
    assert (alone.act_rule, set(alone.manifolds)) == ("linear", {"matrix"})


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_matters(name):
    _, materialise, params, _ = case(name)
    params = randomise(member(params, 0))
    leaves, structure = jax.tree.flatten(params)
    generator = np.random.default_rng(3)
    for i, leaf in enumerate(leaves):
        moved = np.asarray(leaf + 0.1 * generator.normal(size=leaf.shape), np.float32)
        weights = materialise(jax.tree.unflatten(structure, [*leaves[:i], moved, *leaves[i + 1 :]]))
        changes = [np.abs(a - b).max() for a, b in zip(weights, materialise(params), strict=True)]
        assert max(changes) > 1e-4, i


def flow(params, layers, biases, step, f, observation):
    x = np.asarray(params["input"], np.float64) @ observation
    for W, b in zip(layers, biases, strict=True):
        x = x + step * f(W @ x + b)
    return np.asarray(params["output"], np.float64) @ x


def ode_to_ode_layers(params, steps):
    """W_1..W_L of equation 5 in float64."""
    W, Q, N_ = (np.asarray(params["trajectory"][key], np.float64) for key in ("initial", "Q", "N"))
    for _ in range(steps):
        H_ = W.T @ Q @ W
        W = W @ scipy.linalg.expm((H_ @ N_ - N_ @ H_) / steps)
        yield W


def nanode_layers(params, steps):
    """W(t) at the left end of each step, a trigonometric polynomial of degree 5."""
    coefficients = np.asarray(params["trajectory"]["coefficients"], np.float64)
    for i in range(steps):
        t = i / steps
        cosines = sum(coefficients[k] * np.cos(k * t) for k in range(6))
        yield cosines + sum(coefficients[5 + k] * np.sin(k * t) for k in range(1, 6))


LAYERS = {
    "ode_to_ode": ode_to_ode_layers,
    "nanode": nanode_layers,
    "deep_res_net": lambda params, steps: np.asarray(params["trajectory"]["W"], np.float64),
}


@functools.cache
def long_flow(name):
    """Parameters and float32 weights of 25 steps; no activation enters here."""
    policy = build(name, hidden=8, steps=25)
    params = randomise(jax.jit(policy.init)(jax.random.key(2)))
    weights = jax.jit(policy.materialise)(params)
    return params, type(weights)(*(np.asarray(leaf) for leaf in weights))


@pytest.mark.parametrize("name", RESIDUAL)
@pytest.mark.parametrize("activation", NONLINEARITIES)
def test_residual_policies_follow_their_equations(name, activation):
    params, weights = long_flow(name)
    biases = np.broadcast_to(np.asarray(params.get("biases", 0.0), np.float64), (25, 8))
    step = 1.0 if name == "deep_res_net" else 1 / 25
    observation = np.linspace(-1, 1.5, N)
    layers = LAYERS[name](params, 25)
    expected = flow(params, layers, biases, step, NONLINEARITIES[activation], observation)
    action = np.empty(M, np.float32)
    rule = find_rule(build(name, activation=activation).act_rule)
    rule.kernel(weights, observation.astype(np.float32), action)
    np.testing.assert_allclose(action, expected, rtol=1e-4, atol=1e-5)


def test_the_linear_policy_is_a_matrix_that_starts_at_zero():
    policy = build("linear")
    start = policy.init(jax.random.key(0))
    observation = np.linspace(-1, 1, N)
    np.testing.assert_array_equal(act(policy, start, observation), np.zeros(M))
    params = randomise(start)
    expected = np.asarray(params["matrix"], np.float64) @ observation
    np.testing.assert_allclose(act(policy, params, observation), expected, rtol=1e-5)


def test_biases_ode_to_ode_has_one_nanode_none_deep_res_net_one_a_layer():
    shapes = {name: jax.eval_shape(build(name).init, jax.random.key(0)) for name in RESIDUAL}
    assert shapes["ode_to_ode"]["biases"].shape == (1, H)
    assert "biases" not in shapes["nanode"]
    assert shapes["deep_res_net"]["biases"].shape == (L, H)


def test_nodes_are_the_right_ends_for_ode_to_ode_and_the_left_ends_for_the_others():
    np.testing.assert_allclose(right_nodes(4), [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(left_nodes(4), [0.0, 0.25, 0.5, 0.75])
    layers = {name: np.asarray(case(name).weights.layers[0]) for name in ("ode_to_ode", "nanode")}
    params = {name: member(case(name).params, 0)["trajectory"] for name in layers}
    assert np.abs(layers["ode_to_ode"][0] - params["ode_to_ode"]["initial"]).max() > 1e-2  # W_0 is not applied
    at_zero = params["nanode"]["coefficients"][:6].sum(axis=0)
    np.testing.assert_allclose(layers["nanode"][0], at_zero, rtol=1e-4, atol=1e-5)


def test_ode_to_odes_layers_are_orthogonal():
    layers = np.asarray(case("ode_to_ode").weights.layers, np.float64)
    assert np.abs(layers.swapaxes(-1, -2) @ layers - np.eye(H)).max() < 1e-5


def test_every_name_is_its_configs_own_and_an_unknown_one_names_the_nearest():
    for name in NAMES:
        assert policy_config_class(name)(name=name).name == name
    with pytest.raises(UserError, match="unknown policy 'ode_to_od': did you mean 'ode_to_ode'"):
        policy_config_class("ode_to_od")
