"""Learning by gradients on manifolds: whole epochs, each one compiled function."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

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
SETTLING = 1000
"""Number of training images, at most, on which a model settles after an epoch."""
Measured = tuple[jax.Array, jax.Array, jax.Array]
"""Loss, accuracy and gradient norm."""
Augment = Callable[[jax.Array, jax.Array], jax.Array]
"""`augment(images [B, …] uint8, key) -> images` of the same shape."""


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


class Plan(NamedTuple):
    """What an epoch of S steps does.

    Attributes:
        rows: [S, B] numbers of the examples of each step.
        keys: [S] for what each step draws.
        rate: scalar, the step length.
    """

    rows: jax.Array
    keys: jax.Array
    rate: jax.Array


class Point(NamedTuple):
    """What changes from step to step: the parameters, and optax's state over tangent coordinates."""

    params: Params
    optimizer: optax.OptState


class MakePlan(Protocol):
    """`plan(state, count)`."""

    def __call__(self, state: FitState, count: int) -> Plan:
        """What the next epoch does with `count` examples."""
        ...


class Learner(NamedTuple):
    """Supervised learning as pure functions. Images are [N, n] uint8, or of models of images [N, h, w, n].

    An epoch is `plan`, its steps, and `finish`: `epoch` is all of these in one, for data that is on the device.

    Attributes:
        init: `init(key, params) -> state`.
        plan: `plan(state, N) -> Plan`, of N examples.
        step: `step(point, images [B, …], labels [B], key, rate) -> (point, measured)`: loss, accuracy, gradient norm.
        finish: `finish(state, point, measured [S] each, rate, images [M, …]) -> (state, info)`; a model that settles
            does so on the images, in training never more than `SETTLING`.
        epoch: `epoch(state, images, labels [N]) -> (state, info)`.
        evaluate: `evaluate(params, images [M, …], labels [M]) -> (loss, accuracy)`, means, without dropout.
    """

    init: Callable[[jax.Array, Params], FitState]
    plan: MakePlan
    step: Callable[[Point, jax.Array, jax.Array, jax.Array, jax.Array], tuple[Point, Measured]]
    finish: Callable[[FitState, Point, Measured, jax.Array, jax.Array], tuple[FitState, EpochInfo]]
    epoch: Callable[[FitState, jax.Array, jax.Array], tuple[FitState, EpochInfo]]
    evaluate: Callable[[Params, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


def make_learner(config: OptimizerConfig, model: Model, augment: Augment | None = None) -> Learner:
    """Descent of the cross-entropy by a `riemannian` optimiser; training sees images as `augment` changes them."""
    manifolds = model.manifolds
    optimizer = named_optimizer(config.name, config.momentum, config.weight_decay, manifolds)

    def init(key: jax.Array, params: Params) -> FitState:
        return FitState(params, optimizer.init(params), jnp.zeros((), jnp.int32), key)

    def loss(params: Params, images: jax.Array, labels: jax.Array, key: jax.Array | None) -> tuple[Any, Any]:
        logits = model.apply(params, images / jnp.float32(255), key)
        right = jnp.mean(jnp.argmax(logits, axis=-1) == labels)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels)), right

    def plan(state: FitState, count: int) -> Plan:
        order_key, step_key = jax.random.split(jax.random.fold_in(state.key, state.epoch))
        rate = scheduled(config.schedule, config.learning_rate, config.schedule_horizon, state.epoch)
        rows = _batches(order_key, count, config.batch_size)
        return Plan(rows, jax.random.split(step_key, rows.shape[0]), rate)

    def step(
        point: Point, images: jax.Array, labels: jax.Array, key: jax.Array, rate: jax.Array
    ) -> tuple[Point, Measured]:
        params, memory = point
        if augment is not None:
            augment_key, key = jax.random.split(key)
            images = augment(images, augment_key)
        (value, right), gradient = jax.value_and_grad(loss, has_aux=True)(params, images, labels, key)
        direction, memory = optimizer.update(gradient, memory, params)
        norm = optax.tree.norm(tree_to_tangent(manifolds, params, gradient))
        params = apply_updates(params, jax.tree.map(lambda d: rate * d, direction))
        return Point(params, memory), (value, right, norm)

    def finish(
        state: FitState, point: Point, measured: Measured, rate: jax.Array, images: jax.Array
    ) -> tuple[FitState, EpochInfo]:
        params = point.params
        if model.settle is not None:
            seen = images if augment is None else augment(images, jax.random.fold_in(state.key, state.epoch))
            params = model.settle(params, seen / jnp.float32(255))
        value, right, norm = map(jnp.mean, measured)
        info = EpochInfo(value, right, norm, tree_violation(manifolds, params), rate)
        return FitState(params, point.optimizer, state.epoch + 1, state.key), info

    def epoch(state: FitState, images: jax.Array, labels: jax.Array) -> tuple[FitState, EpochInfo]:
        rows, keys, rate = plan(state, images.shape[0])

        def one(point: Point, batch: tuple[jax.Array, jax.Array]) -> tuple[Point, Measured]:
            chosen, key = batch
            return step(point, images[chosen], labels[chosen], key, rate)

        point, measured = lax.scan(one, Point(state.params, state.optimizer), (rows, keys))
        return finish(state, point, measured, rate, images[rows.reshape(-1)[:SETTLING]])

    def evaluate(params: Params, images: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        return _mean_by_parts(lambda images, labels: loss(params, images, labels, None), images, labels)

    return Learner(init, plan, step, finish, epoch, evaluate)


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
