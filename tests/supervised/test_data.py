"""Data sets from real files, whole and bad ones."""

import gzip
import pickle
import re
import shutil
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from odes_rl.errors import UserError
from odes_rl.supervised.config import DataConfig
from odes_rl.supervised.data.dataset import make_dataset, make_split
from odes_rl.supervised.data.loading import load_corrupted, load_dataset
from odes_rl.supervised.data.videos import load_videos

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


def is_told(source, message):
    """Whether loading raises a user's error that matches, in one line."""
    with pytest.raises(UserError) as raised:
        load_dataset(str(source))
    told = str(raised.value)
    return "\n" not in told and re.search(message, told) is not None


def test_the_digits_are_split_alike_each_time_and_of_each_class_a_fifth_is_to_test_on():
    data, again = load_dataset("digits"), load_dataset("digits")
    for split, same in zip(data[:2], again[:2], strict=True):
        assert (split.images.dtype, split.images.shape[1:], split.images.max()) == (np.uint8, (8, 8), 255)
        np.testing.assert_array_equal(split.images, same.images)
        np.testing.assert_array_equal(split.labels, same.labels)
    pixels, labels = load_digits(return_X_y=True)
    np.testing.assert_array_equal(np.bincount(data.test.labels), np.bincount(labels) // 5)
    together = np.concatenate([data.train.images, data.test.images]).reshape(-1, 64) / 255 * 16
    assert sorted(map(bytes, together.round().astype(np.uint8))) == sorted(map(bytes, pixels.astype(np.uint8)))


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


def test_labels_may_be_a_column(tmp_path):
    columns: dict[str, Any] = KERAS | {"y_train": LABELS[:, None], "y_test": LABELS[:4, None]}
    np.savez(tmp_path / "keras.npz", **columns)
    data = load_dataset(str(tmp_path / "keras.npz"))
    np.testing.assert_array_equal(data.train.labels, LABELS)
    np.testing.assert_array_equal(data.test.labels, LABELS[:4])


def test_an_archive_and_a_directory_without_data_are_told_with_what_to_give(tmp_path):
    (tmp_path / "inner").mkdir()
    assert is_told(tmp_path / "inner", r"inner', a directory without the files of MNIST .* give the one that has them")
    archive = Path(shutil.make_archive(str(tmp_path / "cifar-10"), "gztar", tmp_path, "inner"))
    assert is_told(archive, r"cifar-10\.tar\.gz', an archive: unpack it, and give the directory")


def test_mnist_c_as_it_was_published(tmp_path):
    (tmp_path / "stripe").mkdir()
    np.save(tmp_path / "stripe" / "test_images.npy", IMAGES[..., None])
    np.save(tmp_path / "stripe" / "test_labels.npy", LABELS.astype(np.int64))
    split = load_corrupted(str(tmp_path), "stripe")
    np.testing.assert_array_equal(split.images, IMAGES)
    with pytest.raises(UserError, match=r"stripe.*labels go from .*, but must be 0 to 1"):
        load_corrupted(str(tmp_path), "stripe", classes=2)
    with pytest.raises(UserError, match=r"spatter.test_images\.npy' is missing"):
        load_corrupted(str(tmp_path), "spatter")
    (tmp_path / "stripe" / "test_images.npy").write_bytes(b"nothing")
    with pytest.raises(UserError, match="not a valid"):
        load_corrupted(str(tmp_path), "stripe")
    np.save(tmp_path / "stripe" / "test_images.npy", IMAGES)
    damaged = (tmp_path / "stripe" / "test_images.npy").read_bytes().replace(b" 'fortran", b"b'fortran")
    (tmp_path / "stripe" / "test_images.npy").write_bytes(damaged)
    with pytest.raises(UserError, match="not a valid"):
        load_corrupted(str(tmp_path), "stripe")
    with (tmp_path / "stripe" / "test_images.npy").open("wb") as file:
        np.savez(file, **KERAS)
    with pytest.raises(UserError, match="it holds NpzFile"):
        load_corrupted(str(tmp_path), "stripe")


BAD = [
    (KERAS | {"x_train": IMAGES.astype(float)}, "float64 of shape .*uint8"),
    (KERAS | {"x_train": IMAGES[:, 0]}, r"shape \(12, 6\)"),
    (KERAS | {"y_train": LABELS / 2}, "labels are float64.*whole numbers"),
    (KERAS | {"y_train": LABELS[:3]}, "12 images and 3 labels"),
    (KERAS | {"y_train": LABELS + 5}, "labels are 10 numbers from 5 to 14, but must be 0 to k - 1"),
    (KERAS | {"y_test": LABELS[:4] + 8}, "labels go from 8 to 11, but must be 0 to 9"),
    (KERAS | {"x_test": IMAGES[:0], "y_test": LABELS[:0]}, "0 images"),
    (KERAS | {"x_train": IMAGES[:, :0]}, r"shape \(12, 0, 6\)"),
    (KERAS | {"x_train": np.array([None])}, r"is not a valid \.npz file"),
    (KERAS | {"x_test": IMAGES[:4, :5, :5]}, r"\(6, 6\).*\(5, 5\)"),
    ({"x_train": IMAGES, "y_train": LABELS}, "has x_train, y_train, but must have all of train_images"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD)
def test_bad_arrays_are_told_in_one_line(tmp_path, arrays, message):
    np.savez(tmp_path / "bad.npz", **arrays)
    assert is_told(tmp_path / "bad.npz", rf"bad\.npz.*({message})")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_file_that_is_cut_or_has_a_wrong_byte_is_told_wherever_it_is(tmp_path, save):
    path, told = tmp_path / "whole.npz", 0
    save(path, **KERAS)
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place])
        assert is_told(path, r"whole\.npz' is not a valid \.npz file")
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x7F]) + whole[place + 1 :])
        try:
            load_dataset(str(path))
        except UserError:
            told += 1
    assert told > len(whole) / 3 / 2  # the rest are dates and the like


def test_a_source_of_another_kind_is_told(tmp_path):
    assert is_told("mnits", r"data\.source is 'mnits', but must be `digits`")
    np.save(tmp_path / "alone.npy", IMAGES)
    assert is_told(tmp_path / "alone.npy", r"alone\.npy', one array, which only models of videos take: give an \.npz")
    (tmp_path / "alone.npy").rename(tmp_path / "renamed.npz")
    assert is_told(tmp_path / "renamed.npz", r"renamed\.npz' is not a valid \.npz file.*it holds ndarray")
    with zipfile.ZipFile(tmp_path / "texts.npz", "w") as archive:
        for name in KERAS:
            archive.writestr(name, "text")
    assert is_told(tmp_path / "texts.npz", r"texts\.npz' is not a valid \.npz file.*it holds bytes")


def test_what_the_system_refuses_is_told(tmp_path):
    name = "a" * 300  # longer than a file's name may be
    assert is_told(name, r"data\.source is 'aaa.*', which cannot be read: File name too long")
    with pytest.raises(UserError, match=r"corrupted_directory is 'aaa.*', which cannot be read: File name too long"):
        load_corrupted(name, "stripe")
    with pytest.raises(UserError, match=r"data\.source is 'aaa.*', which cannot be read: File name too long"):
        load_videos(DataConfig(source=name), 5)


def test_damaged_idx_files_are_told(tmp_path):
    directory = write_idx(tmp_path / "mnist")
    assert is_told(directory, r"has no t10k-images-idx3-ubyte")
    write_idx(directory, "t10k")
    file = directory / "t10k-labels-idx1-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    assert is_told(directory, r"t10k-labels.*has 19 bytes, but its header requires 20")
    huge = struct.pack(">3I", 2**31, 2**31, 4)  # in 64 bits as good as no image
    file.write_bytes(b"\0\0\x08\x03" + huge)
    assert is_told(directory, r"t10k-labels.*has 16 bytes, but its header requires 18446744073709551632")
    file.write_bytes(b"\0\0\x08\x46" + b"\0" * 280)
    assert is_told(directory, r"t10k-labels.*has 70 axes, but must have 1, of labels, or 3, of images")
    file.write_bytes(b"\0\0\x0d\x01")
    assert is_told(directory, "not an IDX file of bytes")
    file.rename(file.with_name("kept"))
    file.with_name(file.name + ".gz").write_bytes(b"no gzip")
    assert is_told(directory, r"t10k-labels-idx1-ubyte\.gz' is not an IDX file of bytes")
    file.with_name(file.name + ".gz").write_bytes(gzip.compress(bytes(20))[:-9])
    assert is_told(directory, "cannot be read")


def test_a_split_is_checked_by_whoever_makes_it():
    split = make_split("here", IMAGES, LABELS)
    with pytest.raises(UserError, match="here: training images"):
        make_dataset("here", split, split._replace(images=IMAGES[:, :4]))


def test_classes_are_those_of_the_training_labels(tmp_path):
    two: dict[str, Any] = KERAS | {"y_train": LABELS % 2, "y_test": LABELS[:4] % 2}
    np.savez(tmp_path / "two.npz", **two)
    assert load_dataset(str(tmp_path / "two.npz")).classes == 2


def test_one_of_cifars_pickled_files_is_told_with_what_to_give(tmp_path):
    with (tmp_path / "pickled").open("wb") as file:
        pickle.dump({"data": [1]}, file)
    assert is_told(
        tmp_path / "pickled", "it holds Python's objects, not arrays; of CIFAR's files, give their directory"
    )


def test_an_unpacked_idx_file_may_keep_its_name(tmp_path):
    write_idx(tmp_path / "mnist", suffix=".gz")
    write_idx(tmp_path / "mnist", "t10k", suffix=".gz")
    path = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.decompress(path.read_bytes()))
    np.testing.assert_array_equal(load_dataset(str(tmp_path / "mnist")).train.images, IMAGES)
