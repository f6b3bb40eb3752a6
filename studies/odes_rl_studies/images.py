"""How studies learn images: cut into patches, classified by networks of convolutions."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from pydantic import Field

from odes_rl import UserError
from odes_rl.studies import StudyConfig, Tell
from odes_rl.supervised import Split, load_dataset
from odes_rl_studies.descent import minimise
from odes_rl_studies.digits import Classifier

Apply = Callable[[Any, jax.Array], jax.Array]
"""`apply(params, images [B, side, side, n]) -> logits [B, k]`."""
SEEN = 1000
"""Test images by which curves are drawn, and other tolerances judged."""
_AT_ONCE = 500
"""Images that are classified together, where all are."""


class ImagesConfig(StudyConfig, frozen=True):
    """Options shared by the studies that learn images."""

    source: str = "digits"
    """`digits`, which scikit-learn brings along; or a file `mnist.npz`, or a directory of MNIST's IDX files."""
    patch: int = Field(default=2, ge=1)
    """Side of the squares of pixels that an image is cut into; their pixels are the channels of one place."""
    width: int = Field(default=32, ge=1)
    """Channels inside each field."""
    training: int = Field(default=400, ge=1)
    """Steps of Adam."""
    batch_size: int = Field(default=128, ge=1)
    """Images a step."""
    learning_rate: float = Field(default=0.003, gt=0)
    """Length of a step, which falls to a hundredth along half a cosine."""
    tolerance: float = Field(default=1e-3, gt=0)
    """Of the solver, `dopri5`."""


class Images(NamedTuple):
    """Images [N, side, side, channels] uint8 and labels [N], those to train on and those to test on.

    Attributes:
        train: images and labels.
        test: likewise.
        classes: how many there are.
    """

    train: tuple[jax.Array, jax.Array]
    test: tuple[jax.Array, jax.Array]
    classes: int

    @property
    def side(self) -> int:
        """Places along a side."""
        return self.train[0].shape[1]

    @property
    def channels(self) -> int:
        """Numbers at a place."""
        return self.train[0].shape[-1]


def load_images(config: ImagesConfig) -> Images:
    """The images of `config.source`, each square of `patch` × `patch` pixels one place with as many channels.

    Raises:
        UserError: if the data cannot be read, or images cannot be cut so.
    """
    data = load_dataset(config.source, "source")
    height, side, *colours = data.train.images.shape[1:]
    if colours or height != side:
        shape = " × ".join(map(str, data.train.images.shape[1:]))
        raise UserError(
            f"source is {config.source!r}, whose images are {shape}, but they must be squares of grey pixels"
        )
    if side % config.patch:
        raise UserError(f"patch is {config.patch}, but must divide {side}, the side of the images")
    return Images(_cut(data.train, config.patch), _cut(data.test, config.patch), data.classes)


def learn_images(
    classifier: Classifier, images: Images, config: ImagesConfig, measure: Callable[[Any], Sequence[float]], tell: Tell
) -> tuple[Any, np.ndarray]:
    """Parameters after training, and looks [K, …] along the way, the first before it and the others after each tenth.

    A look is the steps done, the share of a thousand test images that are wrong, and what `measure(params)` says.
    """
    start_key, fit_key = jax.random.split(jax.random.key(config.seed))
    error, looks = error_measure(classifier.apply, images), []

    def look(step: int, params: Any) -> None:
        looks.append((step, error(params, SEEN), *measure(params)))

    params = classifier.init(start_key)
    look(0, params)
    params, _ = minimise(
        image_loss(classifier.apply, images, config.batch_size),
        classifier.manifolds,
        params,
        fit_key,
        config.training,
        tell,
        learning_rate=config.learning_rate,
        schedule="cosine",
        look=look,
    )
    return params, np.array(looks)


def image_loss(apply: Apply, images: Images, batch_size: int) -> Callable[[Any, jax.Array], jax.Array]:
    """`loss(params, key)`: mean cross-entropy of a batch that `key` draws, in nats."""
    pixels, labels = images.train

    def loss(params: Any, key: jax.Array) -> jax.Array:
        rows = jax.random.choice(key, len(labels), (batch_size,))
        return cross_entropy(apply(params, scaled(pixels[rows])), labels[rows])

    return loss


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean over `logits` [B, k] and `labels` [B], in nats."""
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))


def scaled(pixels: jax.Array) -> jax.Array:
    """Pixels uint8 as numbers from 0 to 1."""
    return pixels.astype(jnp.float32) / 255


def error_measure(apply: Apply, images: Images) -> Callable[..., float]:
    """`error(params, count)`: share of the first `count` test images, or of all, that are wrong."""
    answers = jax.jit(lambda params, pixels: apply(params, scaled(pixels)).argmax(-1))

    def error(params: Any, count: int | None = None) -> float:
        pixels, labels = (part[:count] for part in images.test)
        starts = range(0, len(labels), _AT_ONCE)
        found = np.concatenate([np.asarray(answers(params, pixels[i : i + _AT_ONCE])) for i in starts])
        return float((found != np.asarray(labels)).mean())

    return error


def _cut(split: Split, patch: int) -> tuple[jax.Array, jax.Array]:
    count, side = split.images.shape[0], split.images.shape[1] // patch
    squares = split.images.reshape(count, side, patch, side, patch).transpose(0, 1, 3, 2, 4)
    return jnp.asarray(squares.reshape(count, side, side, patch**2)), jnp.asarray(split.labels)
