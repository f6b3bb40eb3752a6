"""How studies learn the digits: several seeds at several learning rates at once, classifiers in turns."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from pydantic import Field

from odes_rl.studies import StudyConfig
from odes_rl.supervised import Params, load_dataset
from odes_rl_studies.descent import minimise_each


class DigitsConfig(StudyConfig, frozen=True):
    """Options shared by the studies that train several seeds at once."""

    source: str = "digits"
    """`digits`, which scikit-learn brings along; or a file `mnist.npz`, or a directory of MNIST's IDX files."""
    seeds: int = Field(default=3, ge=1)
    """Trainings of each, all at once."""
    training: int = Field(default=120, ge=1)
    """Steps of Adam."""
    batch_size: int = Field(default=64, ge=1)
    """Digits a step."""


class Digits(NamedTuple):
    """All digits, those that are trained on first.

    Attributes:
        images: [N, n] pixels from 0 to 1.
        labels: [N].
        training: how many are trained on.
        classes: how many there are.
    """

    images: jax.Array
    labels: jax.Array
    training: int
    classes: int


class Classifier(NamedTuple):
    """What is trained.

    Attributes:
        init: `init(key) -> params`.
        manifolds: a pytree that mirrors `params`, with the `Manifold` of each leaf.
        apply: `apply(params, images [B, n]) -> logits [B, k]`.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    apply: Callable[[Params, jax.Array], jax.Array]


class Learned(NamedTuple):
    """What R learning rates made of S seeds.

    Attributes:
        params: with an axis [R · S] before their own, all seeds of the first rate first.
        losses: [D, R, S] of each step's batch, before the step.
        seconds: of one step of one training, the median over tenths of the steps but the first, which compiles.
    """

    params: Params
    losses: np.ndarray
    seconds: float


def load_digits(source: str = "digits") -> Digits:
    """The digits of a `source`.

    Raises:
        UserError: if they cannot be read.
    """
    data = load_dataset(source, "source")
    images = np.concatenate([part.images.reshape(len(part.images), -1) for part in (data.train, data.test)])
    labels = np.concatenate([data.train.labels, data.test.labels])
    return Digits(jnp.asarray(images / 255, jnp.float32), jnp.asarray(labels), len(data.train.labels), data.classes)


def learn(
    classifiers: Sequence[Classifier], digits: Digits, config: DigitsConfig, learning_rates: Sequence[float]
) -> list[Learned]:
    """Adam on the cross-entropy of batches, each from the same starts at all rates, all on the same batches.

    A loss that is no longer finite stops nothing. The classifiers take turns, so that their seconds can be compared.
    """
    descents = [_timed(_descent(classifier, digits, config, learning_rates)) for classifier in classifiers]
    rounds = list(zip(*descents, strict=True))
    shape = (config.training, len(learning_rates), config.seeds)
    return [
        Learned(
            params=parts[-1][0],
            losses=np.concatenate([losses for _, losses, _ in parts]).reshape(shape),
            seconds=float(np.median([seconds for *_, seconds in parts[1:] or parts])),
        )
        for parts in zip(*rounds, strict=True)
    ]


def shares_right(digits: Digits, logits: jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """Shares [...] of the digits that are right by `logits` [..., N, k]: of those trained on, and of the others.

    Logits must be finite to be right.
    """
    right = np.asarray((logits.argmax(-1) == digits.labels) & jnp.isfinite(logits).all(-1))
    return right[..., : digits.training].mean(-1), right[..., digits.training :].mean(-1)


def smoothed(losses: np.ndarray) -> np.ndarray:
    """[D − 9, ...] means of ten `losses` [D, ...] in a row; one of all, where there are fewer."""
    return np.lib.stride_tricks.sliding_window_view(losses, min(10, len(losses)), axis=0).mean(axis=-1)


def _descent(
    classifier: Classifier, digits: Digits, config: DigitsConfig, learning_rates: Sequence[float]
) -> Iterator[tuple[Params, np.ndarray]]:
    init_key, train_key = jax.random.split(jax.random.key(config.seed))
    params = jax.vmap(classifier.init)(jnp.tile(jax.random.split(init_key, config.seeds), len(learning_rates)))
    rates = jnp.repeat(jnp.asarray(learning_rates), config.seeds)

    def loss(params: Params, key: jax.Array) -> jax.Array:
        rows = jax.random.choice(key, digits.training, (config.batch_size,))
        logits = classifier.apply(params, digits.images[rows])
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, digits.labels[rows]))

    return minimise_each(loss, classifier.manifolds, params, train_key, config.training, rates)


def _timed(descent: Iterator[tuple[Params, np.ndarray]]) -> Iterator[tuple[Params, np.ndarray, float]]:
    """What `descent` gives, and the seconds that each of it took, for one step of one training."""
    started = time.perf_counter()
    for params, losses in descent:
        yield params, losses, (time.perf_counter() - started) / losses.size
        started = time.perf_counter()
