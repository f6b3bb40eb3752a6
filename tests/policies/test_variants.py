"""Options that change what a policy is made of: bases, flows, projections, ablations."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.act import find_rule
from odes_rl.flows.trajectories.bases import BASES
from odes_rl.manifolds import Euclidean, Frozen, Orthogonal, Stiefel, tree_to_tangent, tree_violation
from odes_rl.policies import make_policy
from odes_rl.policies.flow import METHODS
from odes_rl.policies.nanode import NanodeConfig
from odes_rl.policies.ode_to_ode import ABLATIONS, OdeToOdeConfig

N, M, H, L = 7, 3, 6, 5
VARIANTS = {
    **{f"nanode {basis}": NanodeConfig(hidden=H, steps=L, basis=basis) for basis in BASES},  # pyright: ignore
    "nanode householder": NanodeConfig(hidden=H, steps=L, basis="chebyshev", householder=True),
    "nanode buckets, rk4": NanodeConfig(hidden=H, steps=L, basis="bucketed", integrator="rk4"),
    **{f"ode_to_ode {name}": OdeToOdeConfig(hidden=H, steps=L, ablation=name) for name in ABLATIONS},  # pyright: ignore
    "ode_to_ode gated": OdeToOdeConfig(hidden=H, steps=L, flow="gated", gates=2),
    "ode_to_ode gated t": OdeToOdeConfig(hidden=H, steps=L, flow="gated", gate_inputs="t"),
    "ode_to_ode gated t and W": OdeToOdeConfig(hidden=H, steps=L, flow="gated", gate_inputs="t_W", gate_width=3),
    "ode_to_ode gated haar": OdeToOdeConfig(hidden=H, steps=L, flow="gated", initial_matrix="haar"),
}
ORTHOGONAL = ("nanode givens", "nanode householder", *(name for name in VARIANTS if "ode_to_ode" in name))


@functools.cache
def variant(name):
    """The policy, its parameters, and its weights as NumPy arrays."""
    policy = make_policy(VARIANTS[name].model_copy(update={"output_scale": 1.0}), N, M)
    params = jax.tree.map(np.asarray, jax.jit(policy.init)(jax.random.key(0)))
    weights = jax.jit(policy.materialise)(params)
    return policy, params, type(weights)(*(np.asarray(leaf) for leaf in weights))


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_starts_on_its_manifolds_and_acts(name):
    policy, params, weights = variant(name)
    assert jax.tree.structure(policy.manifolds) == jax.tree.structure(params)
    assert tree_violation(policy.manifolds, params) < 1e-5
    observation, action = np.linspace(-1, 1, N, dtype=np.float32), np.empty(M, np.float32)
    rule = find_rule(policy.act_rule)
    rule.kernel(weights, observation, action)
    assert np.abs(action).max() > 1e-2
    np.testing.assert_allclose(action, rule.array(weights, observation), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ORTHOGONAL)
def test_layers_that_are_to_be_orthogonal_are(name):
    layers = variant(name)[2].layers.astype(np.float64)
    assert np.abs(layers.swapaxes(-1, -2) @ layers - np.eye(H)).max() < 1e-5


def test_a_penalty_reaches_the_coefficients_alone():
    policy = make_policy(NanodeConfig(hidden=H, steps=L, l2_penalty=0.5), N, M)
    params = policy.init(jax.random.key(1))
    pull = tree_to_tangent(policy.manifolds, params, jax.tree.map(jnp.zeros_like, params))
    np.testing.assert_allclose(pull["trajectory"]["coefficients"], -params["trajectory"]["coefficients"], rtol=1e-6)
    assert not np.any(pull["input"])
    assert not np.any(pull["output"])


def ablated(name):
    return variant(f"ode_to_ode {name}")


def test_frozen_projections_start_where_they_stay():
    manifolds = ablated("frozen_projections")[0].manifolds
    assert manifolds["input"] == manifolds["output"] == Frozen(Stiefel())
    assert manifolds["trajectory"]["initial"] == Orthogonal()


def test_euclidean_projections_are_any_matrices():
    manifolds = ablated("euclidean_projections")[0].manifolds
    assert manifolds["input"] == manifolds["output"] == Euclidean()


def test_constant_weights_are_the_initial_matrix():
    policy, params, weights = ablated("constant_weights")
    assert policy.manifolds["trajectory"] == {"W": Orthogonal()}
    np.testing.assert_array_equal(weights.layers, np.broadcast_to(params["trajectory"]["W"], (L, H, H)))


def test_zero_generators_rest_but_can_be_learnt():
    policy, params, weights = ablated("zero_generators")
    assert not np.any(params["trajectory"]["Q"])
    assert not np.any(params["trajectory"]["N"])
    np.testing.assert_allclose(weights.layers, np.broadcast_to(params["trajectory"]["initial"], (L, H, H)), atol=1e-6)
    moved = policy.materialise(
        params | {"trajectory": policy.init(jax.random.key(2))["trajectory"] | _generators(jax.random.key(3))}
    )
    assert np.abs(np.diff(moved.layers, axis=0)).max() > 1e-3


def _generators(key):
    Q, K = jax.random.normal(key, (2, H, H))
    return {"Q": Q + Q.T, "N": K + K.T}


def test_a_haar_matrix_is_frozen_and_differs_between_seeds():
    policy, params, _ = ablated("haar_initial")
    assert policy.manifolds["trajectory"]["initial"] == Frozen(Orthogonal())
    other = policy.init(jax.random.key(9))["trajectory"]["initial"]
    assert np.abs(other - params["trajectory"]["initial"]).max() > 0.1


def test_an_ablation_sets_its_options_and_refuses_to_be_contradicted():
    assert OdeToOdeConfig(ablation="constant_weights").flow == "none"
    assert OdeToOdeConfig(ablation="zero_generators", hidden=4).flow_scale == 0
    with pytest.raises(ValueError, match="sets projections to frozen, but projections is stiefel: leave one"):
        OdeToOdeConfig(ablation="frozen_projections", projections="stiefel")


def test_options_that_a_basis_cannot_have_are_refused():
    with pytest.raises(ValueError, match="buckets is 9, but there are only 5 steps"):
        NanodeConfig(basis="bucketed", buckets=9, steps=5)
    with pytest.raises(ValueError, match="needs hidden ≥ 2"):
        NanodeConfig(basis="givens", hidden=1)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("midpoint", 2), ("rk4", 4)])
def test_methods_are_consistent_and_of_their_order(method, order):
    """On ẋ = x: a step's factor is the exponential's series up to the order."""
    rows, length = METHODS[method], 0.1
    slopes, x = [], 1.0
    for row in rows:
        slopes.append(x)
        x = 1.0 + length * sum(factor * slope for factor, slope in zip(row, slopes, strict=False))
    series = sum(length**k / np.prod(range(1, k + 1)) for k in range(order + 1))
    assert x == pytest.approx(series, rel=1e-12)
