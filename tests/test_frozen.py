"""What is frozen stays, in both search spaces and under every optimiser; a penalty is followed exactly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.es.config import StrategyConfig
from odes_rl.es.strategy import make_strategy
from odes_rl.manifolds import Euclidean, Frozen, Orthogonal, Stiefel, tree_violation

MANIFOLDS = {"fixed": Frozen(Orthogonal()), "free": Stiefel()}
SHAPES = {"fixed": (4, 4), "free": (5, 3)}


def start():
    return {name: MANIFOLDS[name].random(jax.random.key(0), shape) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("space", ["ambient", "tangent"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_candidates_and_updates_leave_a_frozen_leaf_as_it_is(space, optimizer):
    config = StrategyConfig(population=6, space=space, optimizer=optimizer, weight_decay=0.1, learning_rate=0.1)
    strategy, params = make_strategy(config, MANIFOLDS), start()
    state = strategy.init(jax.random.key(1), params)
    for generation in range(3):
        candidates = strategy.ask(state)
        np.testing.assert_array_equal(candidates["fixed"], np.broadcast_to(params["fixed"], (6, 4, 4)))
        assert np.abs(candidates["free"] - state.params["free"]).max() > 1e-3
        state, _ = strategy.tell(state, jnp.arange(6.0) + generation)
    np.testing.assert_array_equal(state.params["fixed"], params["fixed"])
    assert np.abs(state.params["free"] - params["free"]).max() > 1e-2


def test_a_frozen_leaf_starts_on_its_manifold_whose_violation_is_told():
    assert tree_violation(MANIFOLDS, start()) < 1e-6
    assert Frozen(Orthogonal()).violation(2 * jnp.eye(2)) == 3


def test_a_penalty_adds_its_own_gradient():
    """Of −λ‖θ‖²: −2λθ."""
    point, gradient = jax.random.normal(jax.random.key(2), (2, 3, 4))
    penalty = jax.grad(lambda p: -0.3 * jnp.sum(p**2))(point)
    np.testing.assert_allclose(Euclidean(l2_penalty=0.3).to_tangent(point, gradient), gradient + penalty, rtol=1e-6)
    np.testing.assert_array_equal(Euclidean().to_tangent(point, gradient), gradient)
