"""Learning by gradients on manifolds: whole epochs, each one compiled function."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from odes_rl.manifolds import apply_updates, tree_to_tangent, tree_violation
from odes_rl.manifolds.schedules import named_optimizer, scheduled
from odes_rl.supervised.config import OptimizerConfig
from odes_rl.supervised.models.model import Model, Params

_AT_ONCE = 1000
"""Number of examples that an evaluation processes at once."""


class FitState(NamedTuple):
    """The state of training between epochs.

    Attributes:
        params: the current parameters.
        optimizer: optax's state over tangent coordinates.
        epoch: scalar int32, epochs so far.
        key: the run's key; an epoch's batches and dropout are pure functions of it and `epoch`.
    """

    params: Params
    optimizer: optax.OptState
    epoch: jax.Array
    key: jax.Array


class EpochInfo(NamedTuple):
    """Diagnostics of an epoch, all scalars.

    Attributes:
        train_loss: mean cross-entropy of the batches, each before its update.
        train_accuracy: mean accuracy of the batches, each before its update.
        gradient_norm: mean over steps, of the gradient's tangent coordinates.
        manifold_violation: the largest of any leaf, after the epoch.
        learning_rate: the step length in this epoch.
    """

    train_loss: jax.Array
    train_accuracy: jax.Array
    gradient_norm: jax.Array
    manifold_violation: jax.Array
    learning_rate: jax.Array


class Learner(NamedTuple):
    """Supervised learning as pure functions.

    Attributes:
        init: `init(key, params) -> state`.
        epoch: `epoch(state, images [N, n] uint8, labels [N]) -> (state, info)`.
        evaluate: `evaluate(params, images [M, n] uint8, labels [M]) -> (loss, accuracy)`, means, without dropout.
    """

    init: Callable[[jax.Array, Params], FitState]
    epoch: Callable[[FitState, jax.Array, jax.Array], tuple[FitState, EpochInfo]]
    evaluate: Callable[[Params, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


def make_learner(config: OptimizerConfig, model: Model) -> Learner:
    """Descent of the cross-entropy by a `riemannian` optimiser."""
    manifolds = model.manifolds
    optimizer = named_optimizer(config.name, config.momentum, config.weight_decay, manifolds)

    def init(key: jax.Array, params: Params) -> FitState:
        return FitState(params, optimizer.init(params), jnp.zeros((), jnp.int32), key)

    def loss(params: Params, images: jax.Array, labels: jax.Array, key: jax.Array | None) -> tuple[Any, Any]:
        logits = model.apply(params, images / jnp.float32(255), key)
        right = jnp.mean(jnp.argmax(logits, axis=-1) == labels)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels)), right

    def epoch(state: FitState, images: jax.Array, labels: jax.Array) -> tuple[FitState, EpochInfo]:
        order_key, dropout_key = jax.random.split(jax.random.fold_in(state.key, state.epoch))
        rate = scheduled(config.schedule, config.learning_rate, config.schedule_horizon, state.epoch)
        batches = _batches(order_key, images.shape[0], config.batch_size)

        def step(carry: tuple[Params, Any], batch: tuple[jax.Array, jax.Array]) -> tuple[tuple[Params, Any], Any]:
            params, memory = carry
            rows, key = batch
            (value, right), gradient = jax.value_and_grad(loss, has_aux=True)(params, images[rows], labels[rows], key)
            direction, memory = optimizer.update(gradient, memory, params)
            norm = optax.tree.norm(tree_to_tangent(manifolds, params, gradient))
            params = apply_updates(params, jax.tree.map(lambda d: rate * d, direction))
            return (params, memory), (value, right, norm)

        keys = jax.random.split(dropout_key, batches.shape[0])
        (params, memory), measured = lax.scan(step, (state.params, state.optimizer), (batches, keys))
        value, right, norm = map(jnp.mean, measured)
        info = EpochInfo(value, right, norm, tree_violation(manifolds, params), rate)
        return FitState(params, memory, state.epoch + 1, state.key), info

    def evaluate(params: Params, images: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        return _mean_by_parts(lambda images, labels: loss(params, images, labels, None), images, labels)

    return Learner(init, epoch, evaluate)


def _batches(key: jax.Array, count: int, size: int) -> jax.Array:
    """[S, size] the numbers of the examples of each batch, in random order; all at once if there are fewer."""
    size = min(size, count)
    steps = count // size
    return jax.random.permutation(key, count)[: steps * size].reshape(steps, size)


def _mean_by_parts(
    measure: Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]], images: jax.Array, labels: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Means over all examples of what `measure` says of some."""
    count = images.shape[0]
    whole = count // _AT_ONCE * _AT_ONCE
    parts = (images[:whole].reshape(-1, _AT_ONCE, *images.shape[1:]), labels[:whole].reshape(-1, _AT_ONCE))
    sums = [jnp.sum(values) * _AT_ONCE for values in lax.map(lambda part: measure(*part), parts)]
    if whole < count:
        rest = measure(images[whole:], labels[whole:])
        sums = [total + value * (count - whole) for total, value in zip(sums, rest, strict=True)]
    return sums[0] / count, sums[1] / count
