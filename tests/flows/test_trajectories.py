"""What holds of every registered trajectory."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.flows.trajectories import TRAJECTORIES
from odes_rl.manifolds import Frozen, Orthogonal, tree_violation

HIDDEN, STEPS = 48, 6
TIMES = np.arange(1, STEPS + 1, dtype=np.float32) / STEPS
MEMBERS = {
    "isospectral": TRAJECTORIES["isospectral"](HIDDEN),
    "isospectral rkmk4": TRAJECTORIES["isospectral"](HIDDEN, solver="rkmk4", scale=0.5),
    "isospectral frozen": TRAJECTORIES["isospectral"](HIDDEN, initial=Frozen(Orthogonal())),
    "gated": TRAJECTORIES["gated"](HIDDEN, gates=4),
    "gated t": TRAJECTORIES["gated"](HIDDEN, gates=2, inputs="t"),
    "gated t and W": TRAJECTORIES["gated"](HIDDEN, gates=2, inputs="t_W", width=4),
    "gated_hypernetwork": TRAJECTORIES["gated_hypernetwork"](HIDDEN, gates=4),
    "gated_hypernetwork t": TRAJECTORIES["gated_hypernetwork"](HIDDEN, gates=2, inputs="t"),
    "gated_hypernetwork t and W": TRAJECTORIES["gated_hypernetwork"](HIDDEN, gates=2, inputs="t_W", width=4),
    "gated_kernels": TRAJECTORIES["gated_kernels"](HIDDEN),
    "constant": TRAJECTORIES["constant"](HIDDEN),
    "constant orthogonal": TRAJECTORIES["constant"](HIDDEN, Orthogonal()),
    "per_layer": TRAJECTORIES["per_layer"](HIDDEN, layers=STEPS),
    "bucketed": TRAJECTORIES["bucketed"](HIDDEN),
    "polynomial": TRAJECTORIES["polynomial"](HIDDEN),
    "polynomial legendre": TRAJECTORIES["polynomial"](HIDDEN, basis="legendre"),
    "polynomial monomial": TRAJECTORIES["polynomial"](HIDDEN, degree=3, basis="monomial"),
    "trigonometric": TRAJECTORIES["trigonometric"](HIDDEN),
    "trigonometric periodic": TRAJECTORIES["trigonometric"](HIDDEN, degree=2, period=1.0),
    "random_features": TRAJECTORIES["random_features"](HIDDEN),
    "hypernetwork": TRAJECTORIES["hypernetwork"](HIDDEN),
    "hypernetwork of vectors": TRAJECTORIES["hypernetwork"](HIDDEN, embedding=3),
    "coupled": TRAJECTORIES["coupled"](HIDDEN),
    "coupled with time": TRAJECTORIES["coupled"](HIDDEN, solver="heun", time_input=True),
    "householder": TRAJECTORIES["householder"](HIDDEN),
    "givens": TRAJECTORIES["givens"](HIDDEN),
}


@functools.cache
def candidates(name):
    """Eight random parameters, and their weights [8, L, h, h]."""
    params = jax.jit(jax.vmap(MEMBERS[name].init))(jax.random.split(jax.random.key(0), 8))
    return jax.tree.map(np.asarray, (params, compiled(name)(params)))


@functools.cache
def compiled(name):
    """The weights of eight parameters."""
    return jax.jit(jax.vmap(lambda params: MEMBERS[name].weights(params, jnp.asarray(TIMES))))


def test_the_table_has_every_registered_trajectory():
    assert {name.split()[0] for name in MEMBERS} == TRAJECTORIES.keys()


@pytest.mark.parametrize("name", MEMBERS)
def test_weights_have_their_shape_and_dtype_and_differ_between_candidates(name):
    _, weights = candidates(name)
    assert weights.shape == (8, STEPS, HIDDEN, HIDDEN)
    assert weights.dtype == jnp.float32
    assert np.abs(weights[0] - weights[1]).max() > 0.1


@pytest.mark.parametrize("name", MEMBERS)
def test_manifolds_mirror_the_parameters_which_start_on_them(name):
    trajectory = MEMBERS[name]
    params = jax.tree.map(lambda leaf: leaf[0], candidates(name)[0])
    assert jax.tree.structure(trajectory.manifolds) == jax.tree.structure(params)
    assert jax.jit(lambda params: tree_violation(trajectory.manifolds, params))(params) < 1e-6


@pytest.mark.parametrize("name", MEMBERS)
def test_the_spectral_radius_starts_near_one(name):
    radii = np.abs(np.linalg.eigvals(np.asarray(candidates(name)[1], np.float64))).max(axis=-1)
    assert radii.mean() == pytest.approx(1, abs=0.15)
    assert radii.max() < 1.6


@pytest.mark.parametrize("name", [name for name, trajectory in MEMBERS.items() if trajectory.at])
def test_weights_at_one_time_are_those_among_others(name):
    trajectory = MEMBERS[name]
    params = jax.tree.map(lambda leaf: leaf[0], candidates(name)[0])
    assert trajectory.at
    at = jax.jit(trajectory.at)
    for t, W in zip(TIMES[:3], candidates(name)[1][0], strict=False):
        np.testing.assert_allclose(at(params, t), W, atol=2e-6)


def test_weights_without_a_value_at_one_time_are_those_that_flow():
    flows = {"isospectral", "gated t", "gated_hypernetwork t", "per_layer", "coupled"}
    assert {name for name, trajectory in MEMBERS.items() if trajectory.at is None} == {
        name for name in MEMBERS if any(name == flow or name.startswith(f"{flow} ") for flow in flows)
    }


@pytest.mark.parametrize("name", MEMBERS)
def test_every_parameter_moves_the_weights(name):
    params = jax.tree.map(lambda leaf: leaf[0], candidates(name)[0])
    keys = list(params)
    for some in (keys[i : i + 7] for i in range(0, len(keys), 7)):
        batch = {key: np.repeat(leaf[None], 8, axis=0) for key, leaf in params.items()}
        for place, key in enumerate(some, start=1):
            # Not alike in all entries: the isospectral field does not see multiples of the identity.
            batch[key][place] += 0.01 * np.cos(np.arange(params[key].size)).reshape(params[key].shape)
        weights = np.asarray(compiled(name)(batch))
        for place, key in enumerate(some, start=1):
            assert 1e-5 < np.abs(weights[place] - weights[0]).max() < 0.3, key
