"""The `Dataset` type, and checks for every loader."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from odes_rl.errors import UserError


class Split(NamedTuple):
    """Examples: images [n, height, width] uint8, in colour [n, height, width, 3], and labels [n] int32."""

    images: np.ndarray
    labels: np.ndarray


class Dataset(NamedTuple):
    """Training and test examples, with labels from 0 to `classes` − 1."""

    train: Split
    test: Split
    classes: int


@contextmanager
def readable(option: str, source: str) -> Iterator[None]:
    """Within it, what the operating system has against looking for `source` is told to the user.

    Raises:
        UserError: in place of an OSError, as where a directory may not be entered; if `source` is an archive.
    """
    endings = tuple(ending for _, several, _ in shutil.get_unpack_formats() for ending in several)
    try:
        if source.lower().endswith(endings) and Path(source).is_file():
            raise UserError(f"{option} is {source!r}, an archive: unpack it, and give the directory that was in it")
        yield
    except OSError as error:
        raise UserError(f"{option} is {source!r}, which cannot be read: {error.strerror}") from None


def make_split(where: str, images: np.ndarray, labels: np.ndarray, classes: int = 10) -> Split:
    """The checked examples; `where` is their source in messages.

    Raises:
        UserError: a wrong shape or type, different lengths, nothing at all, or a label out of range.
    """
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    shaped = images.ndim == 3 or (images.ndim == 4 and images.shape[-1] == 3)
    if not shaped or images.dtype != np.uint8 or 0 in images.shape[1:]:
        raise UserError(
            f"{where}: images are {images.dtype} of shape {images.shape}, but must be uint8, from 0 to 255, "
            "[n, height, width], or with colours [n, height, width, 3]"
        )
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise UserError(f"{where}: labels are {labels.dtype} of shape {labels.shape}, but must be whole numbers [n]")
    if len(images) != len(labels) or not len(images):
        raise UserError(
            f"{where}: there are {len(images)} images and {len(labels)} labels, but both must be the same number, not 0"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise UserError(f"{where}: labels go from {labels.min()} to {labels.max()}, but must be 0 to {classes - 1}")
    return Split(images, labels.astype(np.int32))


def count_classes(where: str, labels: np.ndarray, most_missing: int = 10) -> int:
    """Number k of classes that training `labels` 0 to k − 1 are of; `where` is their source in messages.

    Raises:
        UserError: if there are more than `most_missing`, but one of them has no example.
    """
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or not labels.size:
        return most_missing  # `make_split` refuses them
    found = np.unique(labels)
    if found[-1] >= most_missing and not np.array_equal(found, np.arange(found.size)):
        raise UserError(
            f"{where}: labels are {found.size} numbers from {found[0]} to {found[-1]}, but must be 0 to k - 1, each "
            "with an example in training: number them anew"
        )
    return max(int(found[-1]) + 1, 1)


def make_dataset(where: str, train: Split, test: Split, classes: int = 10) -> Dataset:
    """Both splits together.

    Raises:
        UserError: if their images differ in size.
    """
    if train.images.shape[1:] != test.images.shape[1:]:
        sizes = [split.images.shape[1:] for split in (train, test)]
        raise UserError(f"{where}: training images are {sizes[0]} and test images {sizes[1]}: make them the same size")
    return Dataset(train, test, classes)
