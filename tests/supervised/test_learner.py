"""Learning by gradients on manifolds: the first step by hand, orthogonality over epochs, evaluation in parts."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from odes_rl.manifolds import tree_exp, tree_horizontal, tree_to_tangent
from odes_rl.supervised.config import OptimizerConfig
from odes_rl.supervised.learner import make_learner
from odes_rl.supervised.models import make_model, model_config_class

STEPS = {"dense": {}}
"""Options of models that are no flows."""


def blobs(count, seed=0):
    """Images of 16 pixels in three classes, each bright in pixels of its own."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, count).astype(np.int32)
    images = generator.integers(0, 90, (count, 16))
    images[np.arange(count), labels * 5] += 160
    return jnp.asarray(images, jnp.uint8), jnp.asarray(labels)


def learner(model_name="ode_to_ode", **options):
    model = make_model(model_config_class(model_name)(width=12, **STEPS.get(model_name, {"steps": 10})), 16, 3)
    found = make_learner(OptimizerConfig(**{"batch_size": 32, "learning_rate": 0.01} | options), model)
    return model, found, found.init(jax.random.key(1), jax.jit(model.init)(jax.random.key(0)))


def cross_entropy(model, params, images, labels):
    log_probabilities = jax.nn.log_softmax(model.apply(params, images / jnp.float32(255), None))
    return -jnp.mean(log_probabilities[jnp.arange(len(labels)), labels])


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_an_epoch_of_one_batch_is_one_step_on_the_manifold(optimizer):
    model, found, state = learner(name=optimizer)
    images, labels = blobs(32)
    after, info = jax.jit(found.epoch)(state, (images, labels))
    plain = {"sgd": optax.sgd(0.01), "adam": optax.adam(0.01)}[optimizer]

    @jax.jit
    def by_hand(params):
        value, gradient = jax.value_and_grad(lambda p: cross_entropy(model, p, images, labels))(params)
        coordinates = tree_to_tangent(model.manifolds, params, gradient)
        step, _ = plain.update(coordinates, plain.init(coordinates))
        return value, tree_exp(model.manifolds, params, tree_horizontal(model.manifolds, params, step))

    value, expected = by_hand(state.params)
    assert info.train_loss == pytest.approx(float(value), rel=1e-5)
    for found_leaf, leaf in zip(jax.tree.leaves(after.params), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(found_leaf, leaf, atol=2e-5)


def test_it_learns_and_the_weights_stay_orthogonal():
    _, found, state = learner()
    images, labels = blobs(640)
    epoch = jax.jit(found.epoch)
    infos = []
    for _ in range(12):
        state, info = epoch(state, (images, labels))
        infos.append(info)
    assert infos[-1].train_loss < 0.2 * infos[0].train_loss
    assert infos[-1].manifold_violation < 1e-5
    assert float(found.evaluate(state.params, blobs(300, seed=5))[1]["accuracy"]) > 0.95


def test_an_epoch_shows_each_example_once_in_another_order_each_time():
    _, found, state = learner("dense")
    images, labels = blobs(64)
    first, info = found.epoch(state, (images, labels))
    again, _ = found.epoch(state, (images, labels))
    assert all(map(np.array_equal, jax.tree.leaves(first.params), jax.tree.leaves(again.params)))
    later, _ = found.epoch(state._replace(epoch=state.epoch + 1), (images, labels))
    assert not np.array_equal(first.params["output"]["weight"], later.params["output"]["weight"])
    frozen = found.epoch(state, (images, labels))[1]
    assert 0 <= float(frozen.train_measures["accuracy"]) <= 1
    assert info.learning_rate == pytest.approx(0.01)


def test_an_evaluation_in_parts_is_one_of_all():
    model, found, state = learner("dense")
    images, labels = blobs(2345)
    value, measures = found.evaluate(state.params, (images, labels))
    assert float(value) == pytest.approx(float(cross_entropy(model, state.params, images, labels)), rel=1e-5)
    answers = np.argmax(model.apply(state.params, images / jnp.float32(255), None), axis=-1)
    assert float(measures["accuracy"]) == pytest.approx(float((answers == labels).mean()), abs=1e-6)


def test_a_cosine_schedule_ends_at_a_hundredth():
    _, found, state = learner("dense", schedule="cosine", schedule_horizon=4)
    images, labels = blobs(32)
    rates = [
        float(found.epoch(state._replace(epoch=jnp.int32(e)), (images, labels))[1].learning_rate) for e in (0, 2, 4)
    ]
    assert rates == pytest.approx([0.01, 0.00505, 0.0001])
