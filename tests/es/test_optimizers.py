"""Schedules, and what the optimiser does to each kind of leaf."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from odes_rl.es.config import StrategyConfig
from odes_rl.es.optimizers import learning_rate_at, make_optimizer, sigma_at
from odes_rl.manifolds import Euclidean, Orthogonal, Stiefel, Symmetric, tree_to_tangent
from odes_rl.manifolds.clip_up import clip_up
from odes_rl.manifolds.schedules import scheduled

MANIFOLDS = {"bias": Euclidean(), "Q": Symmetric(), "W": Orthogonal(), "tall": Stiefel(), "wide": Stiefel()}
SHAPES = {"bias": (3,), "Q": (3, 3), "W": (3, 3), "tall": (4, 2), "wide": (2, 4)}


def points(key):
    keys = jax.random.split(key, len(SHAPES))
    return {name: MANIFOLDS[name].random(k, SHAPES[name]) for k, name in zip(keys, SHAPES, strict=True)}


def schedule(kind, value):
    """Schedule over 10 generations, as a plain function."""
    compiled = partial(scheduled, kind, value, 10)
    return lambda generation: float(np.asarray(compiled(generation)))


def optimiser(manifolds=MANIFOLDS, **options):
    """Of unit step length, whatever its learning rate."""
    return make_optimizer(StrategyConfig(learning_rate=0.01, **options), manifolds)


def update(optimizer, gradient, state, params) -> tuple[Any, Any]:
    """One update's coordinates and the state, without the types that optax gives to any tree."""
    step, state = optimizer.update(gradient, state, params)
    return step.coordinates, state


def test_schedules_count_generations_from_zero():
    inverse = schedule("inverse_sqrt", 0.6)
    np.testing.assert_allclose([inverse(t) for t in (0, 3, 8)], [0.6, 0.3, 0.2], rtol=1e-6)
    constant = schedule("constant", 0.6)
    np.testing.assert_allclose([constant(t) for t in (0, 5, 500)], [0.6] * 3, rtol=1e-6)


def test_the_natural_learning_rate_follows_sigma_and_a_given_one_does_not():
    """α / σ²√C is one half at each σ, so that noise moves the parameters half as far as a candidate is away."""
    natural = StrategyConfig(sigma_schedule="cosine", learning_rate_schedule="constant")
    given = StrategyConfig(sigma_schedule="cosine", learning_rate_schedule="constant", learning_rate=0.01)
    for progress in (0.0, 0.5, 1.0):
        sigma = float(sigma_at(natural, jnp.int32(0), progress))
        rate = float(learning_rate_at(natural, jnp.int32(0), progress))
        assert rate / (sigma**2 * natural.population**0.5) == pytest.approx(0.5, rel=1e-5)
        assert float(learning_rate_at(given, jnp.int32(0), progress)) == pytest.approx(0.01)


def test_the_cosine_falls_to_a_hundredth_at_its_horizon_and_stays():
    cosine = schedule("cosine", 2.0)
    assert float(cosine(0)) == pytest.approx(2.0)
    assert float(cosine(5)) == pytest.approx(2.0 * 0.505)
    assert float(cosine(10)) == pytest.approx(0.02)
    assert float(cosine(999)) == pytest.approx(0.02)


def test_weight_decay_acts_on_euclidean_leaves_only():
    params = points(jax.random.key(0))
    optimizer = optimiser(weight_decay=0.1)
    still = jax.tree.map(jnp.zeros_like, params)
    step, _ = update(optimizer, still, optimizer.init(params), params)
    np.testing.assert_allclose(step["bias"], -0.1 * params["bias"], rtol=1e-6)
    for name in ("Q", "W", "tall", "wide"):
        assert not step[name].any()


def test_the_update_of_sgd_is_the_ascent_direction():
    params = points(jax.random.key(0))
    optimizer = optimiser(optimizer="sgd")
    gradient = points(jax.random.key(1))
    step, _ = update(optimizer, gradient, optimizer.init(params), params)
    ascent = tree_to_tangent(MANIFOLDS, params, gradient)
    jax.tree.map(np.testing.assert_array_equal, step, ascent)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "clip_up"])
def test_coordinates_stay_skew_or_symmetric_through_the_optimisers_memory(name):
    params = points(jax.random.key(0))
    optimizer = optimiser(optimizer=name)
    state = optimizer.init(params)
    advance, step = jax.jit(partial(update, optimizer)), {}
    for i in range(20):
        step, state = advance(points(jax.random.key(i)), state, params)
    for leaf in ("W", "tall", "wide"):
        assert np.abs(step[leaf]).max() > 1e-2
        np.testing.assert_array_equal(step[leaf], -step[leaf].mT)
    np.testing.assert_array_equal(step["Q"], step["Q"].mT)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "clip_up"])
@pytest.mark.parametrize("leaf", ["tall", "wide"])
def test_no_part_of_a_step_leaves_its_point_at_rest(name, leaf):
    params = points(jax.random.key(0))
    W = np.asarray(params[leaf] if leaf == "tall" else params[leaf].T)
    still = np.eye(len(W)) - W @ W.T
    optimizer = optimiser(optimizer=name)
    state = optimizer.init(params)
    for i in range(1, 4):
        step, state = update(optimizer, points(jax.random.key(i)), state, params)
        assert np.abs(still @ step[leaf] @ still).max() < 1e-6
        assert np.abs(step[leaf]).max() > 1e-2


def test_momentum_and_adam_decay_by_the_configs_rate():
    manifolds, params = {"x": Euclidean()}, {"x": jnp.zeros(1)}
    momentum = optimiser(manifolds, optimizer="momentum", momentum=0.5)
    state = momentum.init(params)
    for expected in (1.0, 1.5, 1.75):
        step, state = update(momentum, {"x": jnp.ones(1)}, state, params)
        assert float(step["x"][0]) == pytest.approx(expected)
    adam = optimiser(manifolds, optimizer="adam", momentum=0.5)
    step, state = update(adam, {"x": jnp.ones(1)}, adam.init(params), params)
    assert float(step["x"][0]) == pytest.approx(1.0, abs=1e-5)
    step, _ = update(adam, {"x": -jnp.ones(1)}, state, params)  # mean (0.25 − 0.5) / 0.75 over deviation 1
    assert float(step["x"][0]) == pytest.approx(-1 / 3, abs=1e-3)


def test_clip_up_takes_half_steps_of_unit_gradients_up_to_unit_speed():
    """Toklu et al. 2020, algorithm 2: 0.5, then 0.9 · 0.5 + 0.5, then 1, whatever the gradient's length."""
    manifolds, params = {"x": Euclidean(), "y": Euclidean()}, {"x": jnp.zeros(1), "y": jnp.zeros(1)}
    clip_up = optimiser(manifolds, optimizer="clip_up", momentum=0.9)
    state = clip_up.init(params)
    for length, speed in ((1e-3, 0.5), (1e6, 0.95), (1e-30, 1.0), (1e30, 1.0)):
        step, state = update(clip_up, {"x": 0.6 * length * jnp.ones(1), "y": 0.8 * length * jnp.ones(1)}, state, params)
        assert float(step["x"][0]) == pytest.approx(0.6 * speed, rel=1e-5)
        assert float(step["y"][0]) == pytest.approx(0.8 * speed, rel=1e-5)
    step, _ = update(clip_up, {"x": jnp.zeros(1), "y": jnp.zeros(1)}, state, params)
    assert float(step["x"][0]) == pytest.approx(0.54, rel=1e-5)


def test_clip_up_of_no_leaves_is_no_error():
    masked = optax.masked(clip_up(), {"x": False})
    params = {"x": jnp.ones(2)}
    updates: Any = masked.update(params, masked.init(params), params)[0]
    np.testing.assert_array_equal(updates["x"], params["x"])
