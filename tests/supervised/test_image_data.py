"""Images in colour from the published files, whole and bad ones; what is made of digits; augmentation; work ahead."""

import io
import pickle
import re
import threading
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from odes_rl.errors import UserError
from odes_rl.supervised.augmenting import cropped, flipped, make_augmentation
from odes_rl.supervised.config import DataConfig
from odes_rl.supervised.data.ahead import made_ahead
from odes_rl.supervised.data.loading import load_dataset
from odes_rl.supervised.data.moving import moving_digits, read_moving

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3)).astype(np.uint8)
LABELS = np.arange(12) % 10
FILES = {10: ([f"data_batch_{i}" for i in range(1, 6)], "test_batch"), 100: (["train"], "test")}


def pickled(images, labels, classes):
    """As published: rows of 3072 bytes, channel by channel, keys of bytes."""
    name = b"labels" if classes == 10 else b"fine_labels"
    return pickle.dumps({b"data": images.transpose(0, 3, 1, 2).reshape(-1, 3072), name: list(map(int, labels))}, 2)


def binary(images, labels, classes):
    """As published: the label, behind a coarse one for CIFAR-100, and 3072 bytes."""
    labels = np.asarray(labels, np.uint8)[:, None]
    coarse = [np.full_like(labels, 7)] * (classes == 100)
    return np.concatenate([*coarse, labels, images.transpose(0, 3, 1, 2).reshape(-1, 3072)], axis=1).tobytes()


def write(directory, form, classes, images=IMAGES, labels=LABELS):
    directory.mkdir(exist_ok=True)
    train, test = FILES[classes]
    suffix = "" if form is pickled else ".bin"
    for name, part in zip(train, np.array_split(np.arange(len(images)), len(train)), strict=True):
        (directory / f"{name}{suffix}").write_bytes(form(images[part], labels[part], classes))
    (directory / f"{test}{suffix}").write_bytes(form(images[:4], labels[:4], classes))
    return directory


def is_told(source, message):
    with pytest.raises(UserError) as raised:
        load_dataset(str(source))
    told = str(raised.value)
    return "\n" not in told and re.search(message, told) is not None


@pytest.mark.parametrize("form", [pickled, binary])
@pytest.mark.parametrize("classes", [10, 100])
def test_cifar_as_it_was_published(tmp_path, form, classes):
    labels = LABELS * (classes // 10)
    data = load_dataset(str(write(tmp_path / "cifar", form, classes, labels=labels)))
    np.testing.assert_array_equal(data.train.images, IMAGES)
    np.testing.assert_array_equal(data.train.labels, labels)
    np.testing.assert_array_equal(data.test.images, IMAGES[:4])
    assert data.classes == classes


class Evil:
    def __reduce__(self):
        return print, ("run",)


BAD = [
    ("data_batch_3", None, "data_batch_3' is missing: the files of CIFAR-10 are data_batch_1"),
    ("data_batch_3", b"nothing", "data_batch_3' is not one of CIFAR's pickled batches"),
    ("data_batch_3", pickle.dumps({b"labels": [1]}), "data_batch_3' is not one of CIFAR's pickled batches: .*data"),
    ("data_batch_3", pickle.dumps(Evil()), "names builtins.print, which no batch of CIFAR does"),
    ("data_batch_3", pickle.dumps({b"data": np.zeros((2, 5)), b"labels": [1, 2]}, 2), r"data of shape \(2, 5\)"),
    ("test_batch", pickled(IMAGES, LABELS[:3], 10), "12 images and 3 labels"),
    ("test_batch", pickled(IMAGES, LABELS + 5, 10), "labels go from 5 to 14, but must be 0 to 9"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_wrong_pickled_files_are_told_in_one_line(tmp_path, capsys, name, content, message):
    path = write(tmp_path / "cifar", pickled, 10) / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert is_told(path.parent, message)
    assert "run" not in capsys.readouterr().out


def test_a_binary_file_that_is_cut_is_told(tmp_path):
    path = write(tmp_path / "cifar", binary, 100) / "train.bin"
    path.write_bytes(path.read_bytes()[:-1])
    assert is_told(path.parent, r"train\.bin' has 36887 bytes, but must have 3074 for each image")


def as_jpeg(images):
    files = []
    for image in images:
        Image.fromarray(image).save(file := io.BytesIO(), "JPEG", quality=95)
        files.append(file.getvalue())
    return np.frombuffer(b"".join(files), np.uint8), np.cumsum([0, *map(len, files)])


def test_npz_files_in_colour_plain_and_of_jpegs(tmp_path):
    smooth = np.repeat(np.repeat(IMAGES[:, :4, :4], 8, axis=1), 8, axis=2)
    np.savez(tmp_path / "plain.npz", x_train=smooth, y_train=LABELS, x_test=smooth[:4], y_test=LABELS[:4])
    parts = {"train": (smooth, LABELS), "test": (smooth[:4], LABELS[:4])}
    arrays = {}
    for name, (images, labels) in parts.items():
        jpeg, offsets = as_jpeg(images)
        arrays |= {f"{name}_jpeg": jpeg, f"{name}_offsets": offsets, f"{name}_labels": labels}
    np.savez(tmp_path / "jpeg.npz", **arrays)
    plain, jpeg = (load_dataset(str(tmp_path / f"{name}.npz")) for name in ("plain", "jpeg"))
    assert jpeg.train.images.shape == plain.train.images.shape == (12, 32, 32, 3)
    assert np.abs(jpeg.train.images.astype(int) - plain.train.images).mean() < 12
    np.testing.assert_array_equal(jpeg.test.labels, LABELS[:4])
    np.savez(tmp_path / "bad.npz", **arrays | {"train_jpeg": arrays["train_jpeg"][::-1]})
    assert is_told(tmp_path / "bad.npz", r"bad\.npz: image 0 is no JPEG file")
    vast = arrays["train_jpeg"].copy()
    height = vast.tobytes().index(b"\xff\xc0") + 5  # of the first image's frame header; its width follows
    vast[height : height + 4] = 255
    np.savez(tmp_path / "bad.npz", **arrays | {"train_jpeg": vast})
    assert is_told(tmp_path / "bad.npz", r"bad\.npz: image 0 is no JPEG file: Image size .* exceeds limit")
    np.savez(tmp_path / "bad.npz", **arrays | {"test_offsets": arrays["test_offsets"][::-1]})
    assert is_told(tmp_path / "bad.npz", r"bad\.npz: offsets do not rise")
    np.savez(tmp_path / "bad.npz", **arrays | {"test_offsets": arrays["test_offsets"][::-1].astype(np.uint64)})
    assert is_told(tmp_path / "bad.npz", r"bad\.npz: offsets do not rise")
    np.savez(tmp_path / "bad.npz", **arrays | {"test_offsets": arrays["test_offsets"] / 2})
    assert is_told(
        tmp_path / "bad.npz", r"bad\.npz: JPEG files are uint8 .* offsets float64 .* must be uint8 .*whole numbers"
    )


def test_a_hundred_classes_in_an_npz_file_are_seen(tmp_path):
    labels = np.arange(100)
    images = np.zeros((100, 4, 4), np.uint8)
    np.savez(tmp_path / "many.npz", x_train=images, y_train=labels, x_test=images[:3], y_test=labels[97:])
    assert load_dataset(str(tmp_path / "many.npz")).classes == 100


@pytest.mark.parametrize("side", [64, 32])
def test_digits_stay_in_the_frame_and_bounce(side):
    digit = np.full((3, 28, 28), 255, np.uint8)
    videos = moving_digits(digit, 3, np.arange(20), frames=60, side=side, digits=1)
    assert videos.shape == (20, 60, side, side)
    size = 28 if side == 64 else 14
    assert (videos.reshape(20, 60, -1) > 0).sum(-1).tolist() == [[size**2] * 60] * 20  # never cut
    rows = np.argmax(videos.max(3) > 0, axis=2)
    room = side - size
    assert rows.min() <= 1
    assert rows.max() >= room - 1
    steps = np.diff(rows, axis=1)
    assert np.abs(steps).max() <= np.ceil(0.1 * room)
    for row, step in zip(rows, steps, strict=True):  # velocity turns at edges alone
        moving = np.flatnonzero(step)
        turned = [place for a, place in pairwise(moving) if step[a] * step[place] < 0]
        assert all(min(row[place], room - row[place]) <= 0.1 * room + 1 for place in turned)


def test_a_video_is_a_function_of_seed_and_number_and_shows_all_its_digits():
    digits = np.stack([np.full((8, 8), value, np.uint8) for value in (50, 200)])
    videos = moving_digits(digits, 1, np.arange(6), frames=5, side=24)
    np.testing.assert_array_equal(moving_digits(digits, 1, np.array([4, 2]), frames=5, side=24), videos[[4, 2]])
    assert not np.array_equal(moving_digits(digits, 2, np.arange(6), frames=5, side=24), videos)
    assert set(np.unique(videos)) == {0, 50, 200}
    with pytest.raises(UserError, match="do not move in a frame of 3 × 3"):
        moving_digits(digits, 1, np.arange(1), side=3)


def test_the_published_file_of_moving_mnist(tmp_path):
    videos = np.random.default_rng(0).integers(0, 256, (20, 3, 8, 8)).astype(np.uint8)
    np.save(tmp_path / "mnist_test_seq.npy", videos)
    np.testing.assert_array_equal(read_moving(tmp_path / "mnist_test_seq.npy"), videos.swapaxes(0, 1))
    np.save(tmp_path / "wrong.npy", videos[..., :7])
    with pytest.raises(UserError, match=r"wrong\.npy' is uint8 of shape \(20, 3, 8, 7\), but must be"):
        read_moving(tmp_path / "wrong.npy")
    (tmp_path / "no.npy").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"no\.npy' is not a valid \.npy file"):
        read_moving(tmp_path / "no.npy")


def test_crops_move_images_and_flips_turn_them():
    images = np.pad(np.full((300, 1, 1, 3), 9, np.uint8), ((0, 0), (2, 3), (1, 4), (0, 0)))  # a dot at (2, 1) of 6 × 6
    moved = np.asarray(cropped(jnp.asarray(images), 2, jax.random.key(0)))
    places = {tuple(map(int, np.argwhere(image[..., 0])[0])) if image.any() else None for image in moved}
    assert places == {(row, column) for row in range(5) for column in range(4)} | {None}
    turned = np.asarray(flipped(jnp.asarray(images), jax.random.key(1)))
    columns = np.argmax(turned.max((1, 3)), axis=1)
    assert set(columns) == {1, 4}
    assert 0.4 < (columns == 4).mean() < 0.6
    assert turned.dtype == moved.dtype == np.uint8


def test_augmentation_sees_images_in_any_shape():
    images = jnp.asarray(np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3)), jnp.uint8)
    augment = make_augmentation(DataConfig(crop=1, flip=True), (4, 4, 3))
    assert augment is not None
    whole = augment(images, jax.random.key(0))
    np.testing.assert_array_equal(augment(images.reshape(5, -1), jax.random.key(0)), whole.reshape(5, -1))
    assert not np.array_equal(augment(images, jax.random.key(1)), whole)
    assert make_augmentation(DataConfig(), (4, 4)) is None


def test_crops_may_not_leave_blank_images():
    assert make_augmentation(DataConfig(crop=3), (4, 5))
    with pytest.raises(UserError, match=r"data\.crop is 4, which moves images of 4 × 5 out of their frames"):
        make_augmentation(DataConfig(crop=4), (4, 5))


def test_work_is_done_ahead_in_order_and_ends_with_its_context():
    started, go = [], threading.Event()

    def make(item):
        started.append(item)
        if item == 2:
            go.set()
        return -item

    before = threading.active_count()
    with made_ahead(make, range(9), ahead=2) as made:
        assert next(made) == 0
        assert go.wait(5)  # two are made that nobody has asked for
        assert [next(made) for _ in range(3)] == [-1, -2, -3]
    assert len(started) < 9
    assert threading.active_count() == before


def test_what_fails_ahead_is_raised_where_it_is_asked_for():
    with made_ahead(lambda item: 6 // item, [3, 0, 1]) as made:
        assert next(made) == 2
        with pytest.raises(ZeroDivisionError):
            next(made)
