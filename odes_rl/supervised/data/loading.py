"""Data sets by their source: digits that come along, an .npz file, files as MNIST, MNIST-C and CIFAR were published."""

from pathlib import Path

import numpy as np

from odes_rl.errors import UserError
from odes_rl.extras import require
from odes_rl.supervised.data.arrays import read_npy, read_npz
from odes_rl.supervised.data.cifar import find_cifar, load_cifar
from odes_rl.supervised.data.dataset import Dataset, Split, count_classes, make_dataset, make_split, readable
from odes_rl.supervised.data.idx import find_idx, read_idx
from odes_rl.supervised.data.jpeg import decoded

DIGITS = "digits"
_KEYS = (
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("x_train", "y_train", "x_test", "y_test"),
)
"""Names of the arrays in an .npz file: either four."""
_JPEG_KEYS = tuple(f"{split}_{what}" for split in ("train", "test") for what in ("jpeg", "offsets", "labels"))
"""Names of the arrays in an .npz file whose images are JPEG files, one behind the other."""
_EVERY = 5
"""One in this number of the digits of each class is a test example."""


def load_dataset(source: str, option: str = "data.source") -> Dataset:
    """The data set that `source` names: `digits`, an .npz file, or a directory with the files of MNIST or CIFAR.

    `digits` are the 1797 of 8 × 8 pixels that scikit-learn brings along. An .npz file has the arrays train_images,
    train_labels, test_images and test_labels, or x_train, y_train, x_test and y_test, with labels [n] or [n, 1]; or in
    place of images those of `jpeg.decoded`. MNIST is published as IDX files, CIFAR-10 and CIFAR-100 as pickled or
    binary ones. `option` is the source's name in the user's config.

    Raises:
        UserError: if there is no such source, or it is damaged, or holds something else.
    """
    if source == DIGITS:
        return _load_digits()
    path = Path(source)
    with readable(option, source):
        if path.is_dir():
            if published := find_cifar(path):
                return load_cifar(path, published)
            if not any(path.glob("*ubyte*")):
                raise UserError(
                    f"{option} is {source!r}, a directory without the files of MNIST (train-images-idx3-ubyte, …), of "
                    "CIFAR (data_batch_1, … or train, test; plain or .bin) or, for videos, of BAIR (train/*.tfrecords, "
                    "test/*.tfrecords): give the one that has them"
                )
            return _load_idx(path)
        if not path.is_file():
            raise UserError(
                f"{option} is {source!r}, but must be `digits`, an .npz file, or a directory of IDX files or of CIFAR's"
            )
        if path.suffix == ".npy":
            raise UserError(
                f"{option} is {source!r}, one array, which only models of videos take: give an .npz file of images "
                "and labels"
            )
        return _load_npz(path)


def load_corrupted(directory: str, corruption: str, classes: int = 10) -> Split:
    """The test examples of one corruption from a directory of MNIST-C (Mu & Gilmer 2019) as it was published.

    Raises:
        UserError: if a file is missing or damaged, or holds something else; labels must be below `classes`.
    """
    place = Path(directory, corruption)
    with readable("data.corrupted_directory", directory):
        images, labels = (_read_published(place / f"test_{what}.npy") for what in ("images", "labels"))
    return make_split(str(place), images, labels, classes)


def _load_digits() -> Dataset:
    require("data.source: digits", "sklearn")
    from sklearn.datasets import load_digits  # slow to import

    pixels, labels = map(np.asarray, load_digits(return_X_y=True))
    images = np.round(pixels.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    labels = labels.astype(np.int32)
    rank = np.zeros(labels.size, int)  # of each example in its class
    for label in range(10):
        rank[labels == label] = np.arange((labels == label).sum())
    test = rank % _EVERY == _EVERY - 1
    return Dataset(Split(images[~test], labels[~test]), Split(images[test], labels[test]), 10)


def _load_npz(path: Path) -> Dataset:
    arrays = read_npz(path, (*_KEYS, _JPEG_KEYS))
    if len(arrays) == len(_JPEG_KEYS):
        parts = (arrays[:3], arrays[3:])
        arrays = [array for jpeg, offsets, labels in parts for array in (decoded(str(path), jpeg, offsets), labels)]
    x_train, y_train, x_test, y_test = arrays
    y_train, y_test = (labels[:, 0] if labels.shape[1:] == (1,) else labels for labels in (y_train, y_test))
    classes = count_classes(f"{path}, train", y_train)
    train, test = (
        make_split(f"{path}, {name}", images, labels, classes)
        for name, images, labels in (("train", x_train, y_train), ("test", x_test, y_test))
    )
    return make_dataset(str(path), train, test, classes)


def _load_idx(directory: Path) -> Dataset:
    splits = []
    for name in ("train", "t10k"):
        images, labels = (read_idx(find_idx(directory, name, what)) for what in ("images-idx3", "labels-idx1"))
        splits.append(make_split(f"{directory}, {name}", images, labels))
    return make_dataset(str(directory), *splits)


def _read_published(path: Path) -> np.ndarray:
    if not path.is_file():
        raise UserError(f"{str(path)!r} is missing: data.corrupted_directory must hold MNIST-C")
    return read_npy(path)
