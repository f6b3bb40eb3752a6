"""CIFAR-10 and CIFAR-100 in the files in which they were published: pickled for Python, or binary."""

import io
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from odes_rl.errors import UserError, one_line
from odes_rl.supervised.data.dataset import Dataset, Split, make_dataset, make_split

_SIDE = 32
_PIXELS = 3 * _SIDE**2
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}
"""What the published pickles name; any other name could run code, and is refused."""


class Published(NamedTuple):
    """A published form of the data.

    Attributes:
        train: names of the files to train on.
        test: name of the file to test on.
        labels: of a pickle, the entry of its labels; of a binary file, the number of bytes before the pixels, the last
            of which is the label.
        classes: number of them.
    """

    train: Sequence[str]
    test: str
    labels: bytes | int
    classes: int


_TEN = [f"data_batch_{part}" for part in range(1, 6)]
FORMS = (
    Published(_TEN, "test_batch", b"labels", 10),
    Published([f"{name}.bin" for name in _TEN], "test_batch.bin", 1, 10),
    Published(["train"], "test", b"fine_labels", 100),
    Published(["train.bin"], "test.bin", 2, 100),
)
"""CIFAR-10 pickled and binary, CIFAR-100 pickled and binary, with its 100 fine labels."""


def find_cifar(directory: Path) -> Published | None:
    """The form of the files in `directory`, if some of its files are there; None if it has nothing of CIFAR."""
    return next(
        (form for form in FORMS if any((directory / name).is_file() for name in (*form.train, form.test))), None
    )


def load_cifar(directory: Path, form: Published) -> Dataset:
    """The images [n, 32, 32, 3] and labels in the files of `form` in `directory`.

    Raises:
        UserError: if a file is missing or damaged, or holds something else.
    """
    train = [_read(directory / name, form) for name in form.train]
    images, labels = (np.concatenate(parts) for parts in zip(*train, strict=True))
    return make_dataset(str(directory), Split(images, labels), _read(directory / form.test, form), form.classes)


def _read(path: Path, form: Published) -> Split:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        names = ", ".join((*form.train, form.test))
        raise UserError(f"{str(path)!r} is missing: the files of CIFAR-{form.classes} are {names}") from None
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be read: {error}") from None
    read = _binary if isinstance(form.labels, int) else _pickled
    pixels, labels = read(path, content, form.labels)
    return make_split(str(path), pixels.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1), labels, form.classes)


def _binary(path: Path, content: bytes, before: Any) -> tuple[np.ndarray, np.ndarray]:
    size = before + _PIXELS
    if not content or len(content) % size:
        raise UserError(f"{str(path)!r} has {len(content)} bytes, but must have {size} for each image: fetch it again")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    return records[:, before:], records[:, before - 1]


def _pickled(path: Path, content: bytes, entry: Any) -> tuple[np.ndarray, np.ndarray]:
    try:
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        pixels, labels = np.asarray(batch[b"data"]), np.asarray(batch[entry])
    except Exception as error:  # a damaged pickle raises anything
        told = one_line(error) or type(error).__name__
        raise UserError(f"{str(path)!r} is not one of CIFAR's pickled batches: {told}; fetch it again") from None
    if pixels.ndim != 2 or pixels.shape[1] != _PIXELS:
        raise UserError(f"{str(path)!r} has data of shape {pixels.shape}, but must have [n, {_PIXELS}]: fetch it again")
    return pixels, labels


class _Unpickler(pickle.Unpickler):
    """Makes arrays and Python's own plain values, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """As pickle wants it.

        Raises:
            UnpicklingError: if the name is not allowed.
        """
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no batch of CIFAR does")
        return super().find_class(module, name)
