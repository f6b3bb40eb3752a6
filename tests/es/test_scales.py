"""Scales of leaves: the estimate stays unbiased on every manifold, and badly scaled problems are solved."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import odes_rl
from odes_rl import shaping
from odes_rl.errors import UserError
from odes_rl.es.scales import Adaptation, direction_utilities
from odes_rl.manifolds import (
    Euclidean,
    Frozen,
    Grassmann,
    Orthogonal,
    PositiveDefinite,
    Sphere,
    Stiefel,
    Symmetric,
)

KEY = jax.random.key(0)
SPACES = {
    "euclidean": (Euclidean(), (2, 3)),
    "frozen": (Frozen(Stiefel()), (3, 2)),
    "grassmann": (Grassmann(), (4, 2)),
    "orthogonal": (Orthogonal(metric="embedded"), (3, 3)),
    "positive_definite": (PositiveDefinite(), (2, 2)),
    "sphere": (Sphere(), (4,)),
    "stiefel_tall": (Stiefel(metric="embedded"), (4, 2)),
    "stiefel_wide": (Stiefel(metric="embedded"), (2, 4)),
    "symmetric": (Symmetric(), (3, 3)),
}
MANIFOLDS = {name: manifold for name, (manifold, _) in SPACES.items()}


def points(key):
    keys = jax.random.split(key, len(SPACES))
    return {name: m.random(k, shape) for (name, (m, shape)), k in zip(SPACES.items(), keys, strict=True)}


def strategy(**changes):
    values = {"population": 32, "sigma": 0.02, "optimizer": optax.sgd(1.0), "shaping": shaping.standardised}
    return odes_rl.RiemannianES(**(values | changes))


def evolved(es, fitness, state, generations):
    def generation(state, _):
        return es.tell(state, jax.vmap(fitness)(es.ask(state)))[0], None

    return jax.jit(lambda state: jax.lax.scan(generation, state, None, length=generations)[0])(state)


def test_a_step_along_the_gradient_has_each_scale_twice_and_no_bias():
    """Of a linear function, with so many directions that the estimate is the gradient."""
    params = points(KEY)
    gradient = {name: jax.random.normal(jax.random.key(7), leaf.shape) for name, leaf in params.items()}
    scales = {name: 0.5 * 1.2**place for place, name in enumerate(params)}
    es = strategy(population=400_000, sigma=1e-3, shaping=shaping.none, manifolds=MANIFOLDS, optimizer=optax.sgd(0.05))

    def fitness(candidate):
        # A value of some size would swallow the differences in float32.
        return sum(jnp.sum(gradient[name] * (candidate[name] - params[name])) for name in params)

    stepped = evolved(es, fitness, es.init(KEY, params, scales), 1).params
    for name, manifold in MANIFOLDS.items():
        along = manifold.to_tangent(params[name], 0.05 * scales[name] ** 2 * gradient[name])
        wanted = manifold.exp(params[name], along) - params[name]
        error = jnp.linalg.norm(stepped[name] - params[name] - wanted)
        assert error <= 0.08 * jnp.linalg.norm(wanted), name


# Nothing moves a frozen leaf, and a positive-definite one bounds its scale: noise beside its least eigenvalue.
@pytest.mark.parametrize("name", sorted(set(SPACES) - {"frozen", "positive_definite"}))
def test_a_badly_scaled_quadratic_needs_scales_and_they_are_learned(name):
    """A leaf a hundred times as steep as the other, and a hundredth as far from its best."""
    manifold, shape = SPACES[name]
    keys = jax.random.split(jax.random.key(3), 4)
    best = {"steep": manifold.random(keys[0], shape), "flat": manifold.random(keys[1], shape)}
    start = {
        leaf: manifold.perturb(best[leaf], jax.random.normal(key, shape), far)
        for leaf, key, far in zip(best, keys[2:], (0.002, 0.2), strict=True)
    }

    def fitness(x):
        return -1e4 * jnp.sum((x["steep"] - best["steep"]) ** 2) - jnp.sum((x["flat"] - best["flat"]) ** 2)

    def search(scales, adaptation=None):
        es = strategy(manifolds=manifold, optimizer=optax.sgd(4e-4), adaptation=adaptation)
        return evolved(es, fitness, es.init(KEY, start, scales), 60)

    plain, scaled = search(None), search({"steep": 0.1, "flat": 10.0})
    assert fitness(plain.params) < 0.1 * fitness(start)
    assert fitness(scaled.params) > 1e-2 * fitness(plain.params)
    learned = search(None, Adaptation()).scales
    assert learned["flat"] > 10 * learned["steep"]


def test_entries_of_a_euclidean_leaf_learn_scales_of_their_own():
    steepness = jnp.array([1.0, 1e4])
    es = strategy(adaptation=Adaptation(entries=True), manifolds={"x": Euclidean(), "v": Sphere()}, population=64)
    state = es.init(KEY, {"x": jnp.zeros(2), "v": Sphere().random(KEY, (3,))})
    assert jax.tree.map(jnp.shape, state.scales) == {"x": (2,), "v": ()}
    flat, steep = evolved(es, lambda p: -jnp.sum(steepness * p["x"] ** 2), state, 60).scales["x"]
    assert flat > 3 * steep


def test_no_scale_changes_by_more_than_its_limit_in_a_generation():
    es = strategy(adaptation=Adaptation(rate=100.0, limit=0.05))
    state = es.init(KEY, {"x": jnp.zeros(3)})
    after, _ = es.tell(state, -jnp.sum(es.ask(state)["x"] ** 2, axis=1))
    assert float(after.scales["x"]) == pytest.approx(0.95)


def test_a_generation_without_a_finite_return_leaves_the_scales():
    es = strategy(adaptation=Adaptation())
    state = es.init(KEY, {"x": jnp.zeros(3)})
    after, _ = es.tell(state, jnp.full(32, jnp.nan))
    assert float(after.scales["x"]) == 1.0


def test_utilities_of_directions_are_ranks_of_unit_size():
    utilities = direction_utilities(jnp.array([[1.0, 2.0], [1e9, 0.0], [-1.0, -3.0]]))
    np.testing.assert_allclose(utilities, np.array([0, 1, -1]) * np.sqrt(1.5), rtol=1e-6)


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ({"y": 1.0}, "give one scale for all leaves, or one for each"),
        ({"x": jnp.ones(2), "v": 1.0}, r"a scale is of shape \(2,\), but must be \(\) or \(3,\)"),
        ({"x": 1.0, "v": jnp.ones(4)}, r"a scale is of shape \(4,\), but must be \(\), since"),
    ],
)
def test_scales_that_do_not_suit_are_one_line(scales, message):
    es = strategy(manifolds={"x": Euclidean(), "v": Sphere()})
    with pytest.raises(UserError, match=message):
        es.init(KEY, {"x": jnp.zeros(3), "v": Sphere().random(KEY, (4,))}, scales)


@pytest.mark.parametrize("adaptation", [0.1, Adaptation(rate=0.0), Adaptation(limit=1.0)])
def test_an_adaptation_that_is_none_is_one_line(adaptation):
    with pytest.raises(UserError, match="adaptation is "):
        strategy(adaptation=adaptation)


def test_penalties_pull_a_leaf_with_a_scale_along_its_scaled_gradient():
    """λ‖θ‖² alone: a step of ascent is −α f² · 2λθ, as for what is estimated."""
    params = {"near": jnp.array([1.0, -2.0]), "far": jnp.array([3.0])}
    scales = {"near": 0.1, "far": 1.0}
    es = strategy(manifolds=Euclidean(l2_penalty=0.5), optimizer=optax.sgd(0.2))
    stepped = evolved(es, lambda candidate: 0.0 * candidate["far"].sum(), es.init(KEY, params, scales), 1).params
    for name, leaf in params.items():
        np.testing.assert_allclose(stepped[name], leaf * (1 - 0.2 * scales[name] ** 2), rtol=1e-6)
