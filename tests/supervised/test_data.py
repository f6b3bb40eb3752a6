"""Data sets from real files, whole and bad ones."""

import gzip
import struct

import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl.supervised.data.base import make_dataset, make_split
from odes_rl.supervised.data.loading import load_corrupted, load_dataset

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 6, 6)).astype(np.uint8)
LABELS = (np.arange(12) % 10).astype(np.uint8)
KERAS = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:4], "y_test": LABELS[:4]}


def write_idx(directory, split="train", images=IMAGES, labels=LABELS, suffix="", separator="-"):
    directory.mkdir(exist_ok=True)
    for what, array in (("images-idx3", images), ("labels-idx1", labels)):
        head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        content = head + array.tobytes()
        name = f"{split}-{what.replace('-', separator)}-ubyte{suffix}"
        (directory / name).write_bytes(gzip.compress(content) if suffix else content)
    return directory


def test_the_digits_need_no_file_and_are_split_alike_each_time():
    data, again = load_dataset("digits"), load_dataset("digits")
    assert data.train.images.shape[1:] == data.test.images.shape[1:] == (8, 8)
    assert len(data.train.labels) + len(data.test.labels) == 1797
    assert 0.19 < len(data.test.labels) / 1797 < 0.21
    for split in data[:2]:
        assert split.images.dtype == np.uint8
        assert split.images.max() == 255
        counts = np.bincount(split.labels, minlength=10)
        assert counts.min() > 0.9 * counts.mean()
    for split, same in zip(data[:2], again[:2], strict=True):
        np.testing.assert_array_equal(split.images, same.images)
        np.testing.assert_array_equal(split.labels, same.labels)
    seen = {image.tobytes() for image in data.train.images}
    assert sum(image.tobytes() in seen for image in data.test.images) < 5  # no example in both


@pytest.mark.parametrize("names", [("x_train", "y_train", "x_test", "y_test"), None])
def test_an_npz_file_under_either_names(tmp_path, names):
    ours = ("train_images", "train_labels", "test_images", "test_labels")
    np.savez(tmp_path / "data.npz", **dict(zip(names or ours, KERAS.values(), strict=True)))
    data = load_dataset(str(tmp_path / "data.npz"))
    np.testing.assert_array_equal(data.train.images, IMAGES)
    np.testing.assert_array_equal(data.test.labels, LABELS[:4])
    assert data.train.labels.dtype == np.int32
    assert data.classes == 10


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("separator", "-.")
def test_idx_files_plain_and_compressed_under_both_names(tmp_path, suffix, separator):
    write_idx(tmp_path / "mnist", suffix=suffix, separator=separator)
    write_idx(tmp_path / "mnist", "t10k", IMAGES[:5], LABELS[:5], suffix, separator)
    data = load_dataset(str(tmp_path / "mnist"))
    np.testing.assert_array_equal(data.train.images, IMAGES)
    np.testing.assert_array_equal(data.test.labels, LABELS[:5])


def test_mnist_c_as_it_was_published(tmp_path):
    (tmp_path / "stripe").mkdir()
    np.save(tmp_path / "stripe" / "test_images.npy", IMAGES[..., None])
    np.save(tmp_path / "stripe" / "test_labels.npy", LABELS.astype(np.int64))
    split = load_corrupted(str(tmp_path), "stripe")
    np.testing.assert_array_equal(split.images, IMAGES)
    with pytest.raises(UserError, match=r"spatter.test_images\.npy' is missing"):
        load_corrupted(str(tmp_path), "spatter")
    (tmp_path / "stripe" / "test_images.npy").write_bytes(b"nothing")
    with pytest.raises(UserError, match="damaged"):
        load_corrupted(str(tmp_path), "stripe")


BAD = [
    (KERAS | {"x_train": IMAGES.astype(float)}, "float64 of shape .*uint8"),
    (KERAS | {"x_train": IMAGES[:, 0]}, r"shape \(12, 6\)"),
    (KERAS | {"y_train": LABELS / 2}, "labels are float64.*whole numbers"),
    (KERAS | {"y_train": LABELS[:3]}, "12 images and 3 labels"),
    (KERAS | {"y_train": LABELS + 5}, "labels go from 5 to 14, but must be 0 to 9"),
    (KERAS | {"x_test": IMAGES[:0], "y_test": LABELS[:0]}, "0 images"),
    (KERAS | {"x_test": IMAGES[:4, :5, :5]}, r"\(6, 6\).*\(5, 5\)"),
    ({"x_train": IMAGES, "y_train": LABELS}, "has x_train, y_train, but must have train_images"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD)
def test_bad_arrays_are_told_in_one_line(tmp_path, arrays, message):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(UserError, match=message) as raised:
        load_dataset(str(tmp_path / "bad.npz"))
    assert "bad.npz" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("part", [0.2, 0.9])
def test_a_damaged_npz_file_is_told(tmp_path, part):
    path = tmp_path / "whole.npz"
    np.savez(path, **KERAS)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(UserError, match=r"whole\.npz' is no \.npz file, or a damaged one"):
        load_dataset(str(path))


def test_damaged_idx_files_are_told(tmp_path):
    directory = write_idx(tmp_path / "mnist")
    with pytest.raises(UserError, match=r"has no t10k-images-idx3-ubyte"):
        load_dataset(str(directory))
    write_idx(directory, "t10k")
    file = directory / "t10k-labels-idx1-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"t10k-labels.*has 19 bytes, but its head promises 20"):
        load_dataset(str(directory))
    file.write_bytes(b"\0\0\x0d\x01")
    with pytest.raises(UserError, match="no IDX file of bytes"):
        load_dataset(str(directory))
    file.rename(file.with_name("kept"))
    file.with_name(file.name + ".gz").write_bytes(b"no gzip")
    with pytest.raises(UserError, match="cannot be read"):
        load_dataset(str(directory))


def test_a_source_that_is_none_of_them_is_told():
    with pytest.raises(UserError, match=r"data\.source is 'mnits', but must be `digits`"):
        load_dataset("mnits")


def test_a_split_is_checked_by_whoever_makes_it():
    split = make_split("here", IMAGES[..., None], LABELS)
    assert split.images.shape == IMAGES.shape
    with pytest.raises(UserError, match="here: images"):
        make_dataset("here", split, split._replace(images=IMAGES[:, :4]))
