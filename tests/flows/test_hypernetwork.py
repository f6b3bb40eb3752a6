"""One network for all entries, at their embeddings and the time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.flows.trajectories.hypernetwork import hypernetwork


def test_each_entry_is_the_networks_output_at_its_embedding_and_the_time():
    trajectory = hypernetwork(3, embedding=2, width=4)
    start = trajectory.init(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), len(start))
    params = {key: leaf + jax.random.normal(k, leaf.shape) for k, (key, leaf) in zip(keys, start.items(), strict=True)}
    p = {key: np.asarray(leaf, np.float64) for key, leaf in params.items()}
    times = [0.0, 0.7]
    weights = trajectory.weights(params, jnp.array(times))
    inner = np.concatenate([p["inner"], p["speeds"][:, None]], axis=1)
    for W, t in zip(np.asarray(weights), times, strict=True):
        for i in range(3):
            for j in range(3):
                u = np.array([*p["embeddings"][i, j], t])
                expected = p["outer"] @ np.tanh(inner @ u + p["biases"]) + p["offset"][0]
                np.testing.assert_allclose(W[i, j], expected, rtol=1e-5, atol=1e-5)


def test_the_first_weights_have_mean_square_one_over_h():
    trajectory = hypernetwork(20)
    W = trajectory.weights(trajectory.init(jax.random.key(2)), jnp.zeros(1))
    np.testing.assert_allclose(20 * jnp.mean(W**2), 1, rtol=1e-5)


@pytest.mark.parametrize("width", [16, 5])
@pytest.mark.parametrize("embedding", [1, 3])
def test_the_spectral_radius_starts_near_one_at_all_times_of_all_draws(width, embedding):
    trajectory = hypernetwork(48, embedding, width)
    params = jax.vmap(trajectory.init)(jax.random.split(jax.random.key(3), 24))
    weights = jax.vmap(trajectory.weights, in_axes=(0, None))(params, jnp.array([0.5, 0.96]))
    radii = np.abs(np.linalg.eigvals(np.asarray(weights))).max(axis=-1)
    assert 0.8 < radii.min() < radii.max() < 1.4
