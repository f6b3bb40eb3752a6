"""What holds of every registered trajectory."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.manifolds import tree_violation
from odes_rl.trajectories import TRAJECTORIES

HIDDEN, STEPS = 48, 6
TIMES = jnp.arange(1, STEPS + 1) / STEPS
MEMBERS = {
    "isospectral": TRAJECTORIES["isospectral"](HIDDEN),
    "isospectral rkmk4": TRAJECTORIES["isospectral"](HIDDEN, solver="rkmk4", scale=0.5),
    "constant": TRAJECTORIES["constant"](HIDDEN),
    "per_layer": TRAJECTORIES["per_layer"](HIDDEN, layers=STEPS),
    "trigonometric": TRAJECTORIES["trigonometric"](HIDDEN),
    "trigonometric periodic": TRAJECTORIES["trigonometric"](HIDDEN, degree=2, period=1.0),
}


@functools.cache
def candidates(name):
    """Three random parameters, and their weights [3, L, h, h]."""
    trajectory = MEMBERS[name]
    params = jax.vmap(trajectory.init)(jax.random.split(jax.random.key(0), 3))
    return params, jax.jit(jax.vmap(trajectory.weights, in_axes=(0, None)))(params, TIMES)


def test_the_table_has_every_registered_trajectory():
    assert {name.split()[0] for name in MEMBERS} == TRAJECTORIES.keys()


@pytest.mark.parametrize("name", MEMBERS)
def test_weights_have_their_shape_and_dtype_and_differ_between_candidates(name):
    _, weights = candidates(name)
    assert weights.shape == (3, STEPS, HIDDEN, HIDDEN)
    assert weights.dtype == jnp.float32
    assert np.abs(weights[0] - weights[1]).max() > 0.1


@pytest.mark.parametrize("name", MEMBERS)
def test_manifolds_mirror_the_parameters_which_start_on_them(name):
    trajectory = MEMBERS[name]
    params = jax.tree.map(lambda leaf: leaf[0], candidates(name)[0])
    assert jax.tree.structure(trajectory.manifolds) == jax.tree.structure(params)
    assert tree_violation(trajectory.manifolds, params) < 1e-6


@pytest.mark.parametrize("name", MEMBERS)
def test_the_spectral_radius_starts_near_one(name):
    radii = np.abs(np.linalg.eigvals(np.asarray(candidates(name)[1], np.float64))).max(axis=-1)
    assert radii.mean() == pytest.approx(1, abs=0.15)
    assert radii.max() < 1.6


@pytest.mark.parametrize("name", MEMBERS)
def test_every_parameter_moves_the_weights(name):
    trajectory = MEMBERS[name]
    params = jax.tree.map(lambda leaf: leaf[0], candidates(name)[0])
    # The isospectral field does not see multiples of the identity.
    ramp = jnp.diag(jnp.linspace(0, 0.01, HIDDEN))
    moved = {key: params | {key: params[key] + ramp} for key in params}
    weights = jax.jit(trajectory.weights)
    for key, changed in moved.items():
        change = np.abs(weights(changed, TIMES) - weights(params, TIMES)).max()
        assert 1e-5 < change < 0.1, key
