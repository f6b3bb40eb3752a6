"""Learning by gradients on manifolds, as pure functions; `training.epochs` compiles steps or whole epochs of them."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import optax
from jax import lax

from odes_rl.manifolds import apply_updates, tree_to_tangent, tree_violation
from odes_rl.manifolds.schedules import named_optimizer, scheduled
from odes_rl.supervised.config import OptimizerConfig
from odes_rl.supervised.models.learnable import Examples, Learnable, Measures, Params

SETTLING = 1000
"""Number of training examples, at most, on which a model settles after an epoch."""
Augment = Callable[[jax.Array, jax.Array], jax.Array]
"""`augment(images [B, …] uint8, key) -> images` of the same shape."""


class Measured(NamedTuple):
    """What is measured of a step, scalars, or of S steps, [S].

    Attributes:
        loss: of the batch, before the update.
        measures: name → what else the model measures of it.
        gradient_norm: of the gradient's tangent coordinates.
    """

    loss: jax.Array
    measures: Measures
    gradient_norm: jax.Array


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
        train_loss: mean loss of the batches, each before its update.
        train_measures: name → mean of what else the model measures of them.
        gradient_norm: mean over steps, of the gradient's tangent coordinates.
        manifold_violation: the largest of any leaf, after the epoch.
        learning_rate: the step length in this epoch.
    """

    train_loss: jax.Array
    train_measures: Measures
    gradient_norm: jax.Array
    manifold_violation: jax.Array
    learning_rate: jax.Array

    def metrics(self) -> dict[str, float]:
        """Name in the metrics → value."""
        values = {"train_loss": self.train_loss}
        values |= {f"train_{name}": value for name, value in self.train_measures.items()}
        values |= {name: getattr(self, name) for name in ("gradient_norm", "manifold_violation", "learning_rate")}
        return {name: float(value) for name, value in values.items()}


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
    """Supervised learning as pure functions. Examples are arrays [N, …]: inputs as uint8, then what else there is.

    For classifiers these are images, [N, n] or of models of images [N, h, w, n], and labels [N]; for models of videos
    they are videos alone, [N, T, h, w, n]. An epoch is `plan`, its steps, and `finish`: `epoch` is all of these in one,
    for data that is on the device.

    Attributes:
        init: `init(key, params) -> state`.
        plan: `plan(state, N) -> Plan`, of N examples.
        step: `step(point, batch, key, rate) -> (point, measured)`.
        finish: `finish(state, point, measured [S] each, rate, inputs [M, …]) -> (state, info)`; a model that settles
            does so on the inputs, in training `settling` of them.
        epoch: `epoch(state, examples) -> (state, info)`.
        evaluate: `evaluate(params, examples) -> (loss, measures)`, means, as in evaluation.
        settling: number of inputs that `finish` wants at most; 0 for a model that does not settle.
    """

    init: Callable[[jax.Array, Params], FitState]
    plan: MakePlan
    step: Callable[[Point, Examples, jax.Array, jax.Array], tuple[Point, Measured]]
    finish: Callable[[FitState, Point, Measured, jax.Array, jax.Array], tuple[FitState, EpochInfo]]
    epoch: Callable[[FitState, Examples], tuple[FitState, EpochInfo]]
    evaluate: Callable[[Params, Examples], tuple[jax.Array, Measures]]
    settling: int


def make_learner(config: OptimizerConfig, model: Learnable, augment: Augment | None = None) -> Learner:
    """Descent of the model's loss by a `riemannian` optimiser; training sees inputs as `augment` changes them."""
    manifolds = model.manifolds
    optimizer = named_optimizer(config.name, config.momentum, config.weight_decay, manifolds)
    settling = 0 if model.settle is None else SETTLING

    def init(key: jax.Array, params: Params) -> FitState:
        return FitState(params, optimizer.init(params), jnp.zeros((), jnp.int32), key)

    def loss(params: Params, examples: Examples, key: jax.Array | None) -> tuple[jax.Array, Measures]:
        inputs, *rest = examples
        return model.measure(params, (inputs / jnp.float32(255), *rest), key)

    def plan(state: FitState, count: int) -> Plan:
        order_key, step_key = jax.random.split(jax.random.fold_in(state.key, state.epoch))
        rate = scheduled(config.schedule, config.learning_rate, config.schedule_horizon, state.epoch)
        rows = _batches(order_key, count, config.batch_size)
        return Plan(rows, jax.random.split(step_key, rows.shape[0]), rate)

    def step(point: Point, batch: Examples, key: jax.Array, rate: jax.Array) -> tuple[Point, Measured]:
        params, memory = point
        if augment is not None:
            augment_key, key = jax.random.split(key)
            batch = (augment(batch[0], augment_key), *batch[1:])
        (value, measures), gradient = jax.value_and_grad(loss, has_aux=True)(params, batch, key)
        direction, memory = optimizer.update(gradient, memory, params)
        norm = optax.tree.norm(tree_to_tangent(manifolds, params, gradient))
        params = apply_updates(params, jax.tree.map(lambda d: rate * d, direction))
        return Point(params, memory), Measured(value, measures, norm)

    def finish(
        state: FitState, point: Point, measured: Measured, rate: jax.Array, inputs: jax.Array
    ) -> tuple[FitState, EpochInfo]:
        params = point.params
        if model.settle is not None:
            seen = inputs if augment is None else augment(inputs, _settling_key(state))
            params = model.settle(params, seen / jnp.float32(255))
        value, measures, norm = jax.tree.map(jnp.mean, measured)
        info = EpochInfo(value, measures, norm, tree_violation(manifolds, params), rate)
        return FitState(params, point.optimizer, state.epoch + 1, state.key), info

    def epoch(state: FitState, examples: Examples) -> tuple[FitState, EpochInfo]:
        rows, keys, rate = plan(state, examples[0].shape[0])

        def one(point: Point, batch: tuple[jax.Array, jax.Array]) -> tuple[Point, Measured]:
            chosen, key = batch
            return step(point, tuple(part[chosen] for part in examples), key, rate)

        point, measured = lax.scan(one, Point(state.params, state.optimizer), (rows, keys))
        return finish(state, point, measured, rate, examples[0][rows.reshape(-1)[:settling]])

    def evaluate(params: Params, examples: Examples) -> tuple[jax.Array, Measures]:
        return _mean_by_parts(lambda *part: loss(params, part, None), examples, model.at_once)

    return Learner(init, plan, step, finish, epoch, evaluate, settling)


def _settling_key(state: FitState) -> jax.Array:
    """Beside the two that `plan` splits off."""
    return jax.random.fold_in(jax.random.fold_in(state.key, state.epoch), 2)


def _batches(key: jax.Array, count: int, size: int) -> jax.Array:
    """[S, size] the numbers of the examples of each batch, in random order; all at once if there are fewer."""
    size = min(size, count)
    steps = count // size
    return jax.random.permutation(key, count)[: steps * size].reshape(steps, size)


def _mean_by_parts(measure: Callable[..., Any], examples: Examples, at_once: int) -> Any:
    """Means over all examples of what `measure(*some)` says of some, a pytree of scalars; of `at_once` at a time."""
    count = examples[0].shape[0]
    whole = count // at_once * at_once
    parts = tuple(part[:whole].reshape(-1, at_once, *part.shape[1:]) for part in examples)
    sums = jax.tree.map(lambda values: jnp.sum(values) * at_once, lax.map(lambda part: measure(*part), parts))
    if whole < count:
        rest = measure(*(part[whole:] for part in examples))
        sums = jax.tree.map(lambda total, value: total + value * (count - whole), sums, rest)
    return jax.tree.map(lambda total: total / count, sums)
