"""`riemannian` around optax: the same as optax on Euclidean leaves, on manifolds the step by hand."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import odes_rl
from odes_rl.errors import UserError
from odes_rl.manifolds import Euclidean, Orthogonal, Stiefel, Symmetric, tree_violation

MANIFOLDS = {"W": Orthogonal(), "frame": Stiefel(), "Q": Symmetric(), "bias": Euclidean()}
SHAPES = {"W": (3, 3), "frame": (5, 2), "Q": (3, 3), "bias": (4,)}


def points(seed: int) -> dict[str, jax.Array]:
    keys = jax.random.split(jax.random.key(seed), len(SHAPES))
    return {name: MANIFOLDS[name].random(key, SHAPES[name]) for key, name in zip(keys, SHAPES, strict=True)}


def normal(seed: int) -> dict[str, jax.Array]:
    keys = jax.random.split(jax.random.key(seed), len(SHAPES))
    return {name: jax.random.normal(key, SHAPES[name]) for key, name in zip(keys, SHAPES, strict=True)}


def update(optimizer: Any, gradients: Any, state: Any, params: Any) -> tuple[Any, Any]:
    """Without the types that optax gives to any tree."""
    return optimizer.update(gradients, state, params)


@pytest.mark.parametrize("optimizer", [optax.adamw(0.1, weight_decay=0.1), optax.lion(0.1), optax.lamb(0.1)])
def test_over_euclidean_leaves_it_is_the_optimiser_itself(optimizer):
    params: Any = normal(0)
    ours = odes_rl.riemannian(optimizer, dict.fromkeys(SHAPES, Euclidean()))
    state, theirs = ours.init(params), optimizer.init(params)
    expected: Any = params
    for i in range(1, 4):
        step, state = update(ours, normal(i), state, params)
        params = odes_rl.apply_updates(params, step)
        updates, theirs = optimizer.update(normal(i), theirs, expected)
        expected = optax.apply_updates(expected, updates)
    for name in SHAPES:
        np.testing.assert_array_equal(params[name], expected[name])


@pytest.mark.parametrize("optimizer", [optax.adamw(0.05, weight_decay=0.1), optax.lion(0.05), optax.lamb(0.05)])
def test_steps_of_any_optimiser_keep_points_on_their_manifolds(optimizer):
    ours = odes_rl.riemannian(optax.chain(optax.clip_by_global_norm(1.0), optimizer), MANIFOLDS)

    @jax.jit
    def walk(params: Any) -> Any:
        def step(carry: Any, seed: Any) -> tuple[Any, None]:
            params, state = carry
            gradients = jax.tree.map(lambda x: jax.random.normal(jax.random.key(seed), x.shape), params)
            updates, state = ours.update(gradients, state, params)
            return (odes_rl.apply_updates(params, updates), state), None

        return jax.lax.scan(step, (params, ours.init(params)), jnp.arange(100))[0][0]

    end = walk(points(0))
    assert tree_violation(MANIFOLDS, end) < 2e-6
    assert all(np.abs(end[name] - points(0)[name]).max() > 0.1 for name in SHAPES)


def test_weight_decay_has_nothing_to_pull_on_a_manifold():
    ours = odes_rl.riemannian(optax.adamw(0.1, weight_decay=0.5), MANIFOLDS)
    params = points(0)
    step, _ = update(ours, jax.tree.map(jnp.zeros_like, params), ours.init(params), params)
    np.testing.assert_allclose(step.coordinates["bias"], -0.05 * params["bias"], rtol=1e-6)
    assert not any(step.coordinates[name].any() for name in ("W", "frame", "Q"))


@pytest.mark.parametrize(("maximise", "end"), [(False, 1 - 2 - 0.6), (True, 1 + 2 - 0.6)])
def test_a_penalty_is_added_to_what_is_minimised_and_taken_off_what_is_maximised(maximise, end):
    ours = odes_rl.riemannian(optax.sgd(1.0), Euclidean(l2_penalty=0.3), maximise=maximise)
    point, gradient = jnp.ones(3), jnp.full(3, 2.0)
    step, _ = update(ours, gradient, ours.init(point), point)
    np.testing.assert_allclose(odes_rl.apply_updates(point, step), np.full(3, end), rtol=1e-6)


def test_it_descends_under_vmap_and_keeps_the_dtype():
    target = points(1)
    ours = odes_rl.riemannian(optax.sgd(0.1), MANIFOLDS)
    start = jax.tree.map(lambda x: jnp.stack([x, x.at[..., 0].multiply(-1)]), points(0))
    start["Q"] = start["Q"] + start["Q"].mT
    start["bias"] = start["bias"].astype(jnp.bfloat16)

    def loss(params: Any) -> jax.Array:
        return jnp.asarray(sum(jnp.sum((params[name] - target[name]) ** 2) for name in SHAPES), jnp.float32)

    def step(params: Any) -> Any:
        updates, _ = ours.update(jax.grad(loss)(params), ours.init(params), params)
        return odes_rl.apply_updates(params, updates)

    end = jax.jit(jax.vmap(step))(start)
    assert (jax.vmap(loss)(end) < jax.vmap(loss)(start)).all()
    assert [end[name].dtype for name in SHAPES] == [start[name].dtype for name in SHAPES]


def test_mistakes_are_one_line():
    ours, params = odes_rl.riemannian(optax.sgd(0.1), MANIFOLDS), points(0)
    with pytest.raises(UserError, match="got no params"):
        ours.update(params, ours.init(params))
    with pytest.raises(UserError, match=r"manifolds are .*'bias'.*one manifold for each leaf"):
        ours.init({"W": params["W"]})
    with pytest.raises(UserError, match=r"a leaf of manifolds is .*Stiefel.*give Euclidean\(\), Stiefel\(\)"):
        odes_rl.riemannian(optax.sgd(0.1), {"W": Stiefel}).init({"W": params["W"]})
    with pytest.raises(UserError, match=r"updates are a dict.*use optax\.apply_updates"):
        odes_rl.apply_updates(params, params)


def test_optax_refuses_to_add_a_step_to_a_point():
    ours, params = odes_rl.riemannian(optax.sgd(0.1), MANIFOLDS), points(0)
    step, _ = update(ours, params, ours.init(params), params)
    with pytest.raises((TypeError, ValueError), match="Step"):
        optax.apply_updates(params, step)
