"""How studies learn images: how they become places with channels, and how their classifiers are trained."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from pydantic import Field

from odes_rl import UserError
from odes_rl.continuous import Inputs, patches, strided
from odes_rl.studies import StudyConfig, Tell
from odes_rl.supervised import Split, cropped, load_dataset
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
    stem: Literal["patches", "strided"] = "patches"
    """How an image becomes places with channels. `patches`: it is cut into squares of `patch` × `patch` pixels;
    `strided`: a convolution of 3×3, and two of squares of 2 × 2 with stride 2, with group normalisation and relu."""
    patch: int = Field(default=2, ge=1)
    """Side of the squares of pixels that an image is cut into; their pixels are the channels of one place."""
    channels: int = Field(default=16, ge=1)
    """At each place, after a `strided` stem."""
    shift: int = Field(default=0, ge=0)
    """Pixels by which training images are moved at most in each direction, each by its own, with zeros around."""
    activation: Literal["tanh", "relu"] = "tanh"
    """The nonlinearity of fields."""
    width: int = Field(default=32, ge=1)
    """Channels inside each field."""
    training: int = Field(default=400, ge=1)
    """Steps of Adam."""
    batch_size: int = Field(default=128, ge=1)
    """Images a step."""
    learning_rate: float = Field(default=0.003, gt=0)
    """Length of a step, which falls to a hundredth along half a cosine."""
    tolerance: float = Field(default=1e-3, ge=1e-9)
    """Of the solver, `dopri5`."""


class Images(NamedTuple):
    """Images [N, side, side, 1] uint8 and labels [N], those to train on and those to test on.

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
        """Pixels along a side."""
        return self.train[0].shape[1]


class Stem(NamedTuple):
    """From an image to places with channels.

    Attributes:
        inputs: the network.
        places: how many.
        channels: of each.
    """

    inputs: Inputs
    places: int
    channels: int


def load_images(config: ImagesConfig) -> Images:
    """The images of `config.source`.

    Raises:
        UserError: if the data cannot be read, or images cannot be cut as `config` has it.
    """
    data = load_dataset(config.source, "source")
    height, side, *colours = data.train.images.shape[1:]
    if colours or height != side:
        shape = " × ".join(map(str, data.train.images.shape[1:]))
        raise UserError(
            f"source is {config.source!r}, whose images are {shape}, but they must be squares of grey pixels"
        )
    if config.stem == "patches" and side % config.patch:
        raise UserError(f"patch is {config.patch}, but must divide {side}, the side of the images")
    if config.shift >= side:
        raise UserError(f"shift is {config.shift}, but must be below {side}, the side of the images")
    return Images(_on_device(data.train), _on_device(data.test), data.classes)


def make_stem(config: ImagesConfig, images: Images) -> Stem:
    """As `config.stem` has it."""
    if config.stem == "patches":
        channels, inputs = config.patch**2, patches(images.side, 1, config.patch)
    else:
        channels, inputs = config.channels, strided(images.side, 1, config.channels)
    return Stem(inputs, inputs.size // channels, channels)


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
        image_loss(classifier.apply, images, config.batch_size, config.shift),
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


def image_loss(apply: Apply, images: Images, batch_size: int, shift: int = 0) -> Callable[[Any, jax.Array], jax.Array]:
    """`loss(params, key)`: mean cross-entropy of a batch that `key` draws and moves, in nats."""
    pixels, labels = images.train

    def loss(params: Any, key: jax.Array) -> jax.Array:
        rows = jax.random.choice(key, len(labels), (batch_size,))
        moved = cropped(pixels[rows], shift, jax.random.fold_in(key, 0)) if shift else pixels[rows]
        return cross_entropy(apply(params, scaled(moved)), labels[rows])

    return loss


def batch_of(images: Images, config: ImagesConfig) -> tuple[jax.Array, jax.Array]:
    """The first `config.batch_size` test images and labels, repeated if there are fewer; costs are measured on them."""
    rows = jnp.arange(config.batch_size) % len(images.test[1])
    return images.test[0][rows], images.test[1][rows]


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean over `logits` [B, k] and `labels` [B], in nats."""
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))


def scaled(pixels: jax.Array) -> jax.Array:
    """Pixels uint8 as numbers from 0 to 1."""
    return pixels.astype(jnp.float32) / 255


def error_measure(apply: Apply, images: Images) -> Callable[..., float]:
    """`error(params, count)`: share of the first `count` test images, or of all, that are wrong.

    Logits must be finite to be right.
    """

    @jax.jit
    def answers(params: Any, pixels: jax.Array) -> jax.Array:
        logits = apply(params, scaled(pixels))
        return jnp.where(jnp.isfinite(logits).all(-1), logits.argmax(-1), -1)

    def error(params: Any, count: int | None = None) -> float:
        pixels, labels = (part[:count] for part in images.test)
        starts = range(0, len(labels), _AT_ONCE)
        found = np.concatenate([np.asarray(answers(params, pixels[i : i + _AT_ONCE])) for i in starts])
        return float((found != np.asarray(labels)).mean())

    return error


def _on_device(split: Split) -> tuple[jax.Array, jax.Array]:
    return jnp.asarray(split.images)[..., None], jnp.asarray(split.labels)
