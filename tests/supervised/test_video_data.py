"""Videos by their source: digits that move, made when they are asked for, and published files."""

import struct

import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl.supervised.config import DataConfig
from odes_rl.supervised.data.crc32c import masked_crc32c
from odes_rl.supervised.data.loading import load_dataset
from odes_rl.supervised.data.moving import moving_digits, suited
from odes_rl.supervised.data.tfrecord import find_records, read_example
from odes_rl.supervised.data.videos import load_videos

VIDEOS = np.random.default_rng(0).integers(0, 256, (5, 3, 64, 64, 3)).astype(np.uint8)


def varint(value):
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def feature(name, value):
    """A feature of bytes, or of floats: an entry of the map."""
    kind = field(1, field(1, value)) if isinstance(value, bytes) else field(2, field(1, struct.pack("<2f", *value)))
    return field(1, field(1, name.encode()) + field(2, kind))


def framed(data):
    head = struct.pack("<Q", len(data))
    return b"".join(part + struct.pack("<I", masked_crc32c(part)) for part in (head, data))


def example(video, camera="image_aux1"):
    frames = [
        feature(f"{t}/action", (0.5, 1.5)) + feature(f"{t}/{camera}/encoded", frame.tobytes())
        for t, frame in enumerate(video)
    ]
    return field(1, b"".join(frames))


@pytest.fixture
def bair(tmp_path):
    """BAIR's layout: three training videos in two files, two test videos in one."""
    for name, some in {"train/a": VIDEOS[:2], "train/b": VIDEOS[2:3], "test/a": VIDEOS[3:]}.items():
        path = tmp_path / f"softmotion30_44k/{name}.tfrecords"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(framed(example(video)) for video in some))
    return tmp_path


def damaged(path, place, byte=None):
    content = bytearray(path.read_bytes())
    content[place] = content[place] ^ 1 if byte is None else byte
    path.write_bytes(content)


def test_the_checksum_is_castagnolis():
    crc = 0xE3069283  # of the digits 1 to 9, by which implementations are told
    assert masked_crc32c(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_bairs_records_are_read_when_they_are_asked_for(bair):
    data = load_videos(DataConfig(source=str(bair)), 3)
    assert (data.train.shape, len(data.train), data.train.dtype) == ((3, 3, 64, 64, 3), 3, np.uint8)
    np.testing.assert_array_equal(data.train[np.array([2, 0])], VIDEOS[[2, 0]])
    assert data.train[np.array([], int)].shape == (0, 3, 64, 64, 3)
    np.testing.assert_array_equal(data.test, VIDEOS[3:])
    fewer = load_videos(DataConfig(source=str(bair / "softmotion30_44k"), test_videos=1), 2)
    np.testing.assert_array_equal(fewer.test, VIDEOS[3:4, :2])


@pytest.mark.parametrize(("place", "where"), [(3, 0), (20, 12)])
def test_a_record_with_another_checksum_is_refused(bair, place, where):
    damaged(bair / "softmotion30_44k/train/a.tfrecords", place)
    with pytest.raises(UserError, match=rf"^\S+a\.tfrecords' is damaged: at byte {where} the checksum is 0x") as told:
        load_videos(DataConfig(source=str(bair)), 3)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("kept", [-1, 5, -4000])
def test_a_file_that_is_cut_off_is_refused(bair, kept):
    path = bair / "softmotion30_44k/test/a.tfrecords"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"a\.tfrecords' is cut off in the record at byte \d+: fetch it again"):
        load_videos(DataConfig(source=str(bair)), 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            framed(example(VIDEOS[0], "image_main")),
            "has 0/image_main/encoded, .* …, but must have 0/image_aux1/encoded",
        ),
        (framed(example(VIDEOS[0, :2])), "but must have 2/image_aux1/encoded: give fewer frames"),
        (framed(example(VIDEOS[0, :, :9])), "has 1728 bytes in 0/image_aux1/encoded, but must have 64 × 64 × 3"),
        (framed(b"\x0a\x7fno"), "is no example: a field is longer than what holds it"),
        (framed(b"\x0f"), "is no example: it has a field of wire type 7"),
        (framed(b"\x80"), "is no example"),
        (b"", "has no videos, but must have files"),
    ],
)
def test_another_content_is_refused(bair, content, message):
    for name in ("a", "b"):
        (bair / f"softmotion30_44k/train/{name}.tfrecords").write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_videos(DataConfig(source=str(bair)), 3)


def test_features_of_numbers_are_left_out(bair):
    (record,) = find_records(bair / "softmotion30_44k/train/b.tfrecords")
    assert list(read_example(record)) == [f"{t}/image_aux1/encoded" for t in range(3)]


def test_moving_digits_are_made_when_they_are_asked_for():
    data = load_videos(DataConfig(source="digits", side=20, videos=1000, test_videos=4), 6)
    assert data.train.shape == (1000, 6, 20, 20, 1)
    images = load_dataset("digits")
    expected = moving_digits(images.train.images, 0, np.array([7, 3]), frames=6, side=20)
    np.testing.assert_array_equal(data.train[np.array([7, 3])][..., 0], expected)
    np.testing.assert_array_equal(
        data.test[..., 0], moving_digits(images.test.images, 1, np.arange(4), frames=6, side=20)
    )


def test_the_last_tenth_of_the_published_file_is_for_tests(tmp_path):
    videos = np.random.default_rng(0).integers(0, 256, (20, 31, 8, 8)).astype(np.uint8)
    np.save(tmp_path / "mnist_test_seq.npy", videos)
    data = load_videos(DataConfig(source=str(tmp_path / "mnist_test_seq.npy")), 5)
    assert data.train.shape == (28, 5, 8, 8, 1)
    np.testing.assert_array_equal(data.train[np.array([27])][0, ..., 0], videos[:5, 27])
    np.testing.assert_array_equal(data.test[..., 0], videos[:5, 28:].swapaxes(0, 1))
    with pytest.raises(UserError, match="has videos of 20 frames, but 21 are wanted"):
        load_videos(DataConfig(source=str(tmp_path / "mnist_test_seq.npy")), 21)
    np.save(tmp_path / "few.npy", videos[:, :9])
    with pytest.raises(UserError, match="has 9 videos, but must have 10 or more"):
        load_videos(DataConfig(source=str(tmp_path / "few.npy")), 5)


@pytest.mark.parametrize(("name", "value"), [("side", 8), ("digits", 5), ("videos", 7)])
def test_options_of_images_that_move_are_not_for_recorded_videos(name, value, tmp_path, bair):
    np.save(tmp_path / "videos.npy", np.zeros((20, 31, 8, 8), np.uint8))
    for source in (tmp_path / "videos.npy", bair):
        with pytest.raises(UserError, match=f"data.{name} is {value}, but is for images that are made to move"):
            load_videos(DataConfig(source=str(source), **{name: value}), 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": 2}, "data.crop is 2, but is for images"),
        ({"corrupted": True}, "data.corrupted is True, but is for images"),
        ({"corrupted_directory": "mnist_c"}, "data.corrupted_directory is mnist_c, but is for images"),
        ({"standardise": "pixel"}, "data.standardise is pixel, but is for images"),
        ({"source": "nowhere.npy"}, "data.source is 'nowhere.npy', but there is no such file"),
        ({"source": "nowhere"}, "data.source is 'nowhere', but must be"),
    ],
)
def test_mistakes_are_told(options, message):
    with pytest.raises(UserError, match=message):
        load_videos(DataConfig(**options), 5)


def test_sources_that_are_not_there_and_images_too_thin_to_halve_are_told():
    with pytest.raises(UserError, match=r"'nowhere', but must be `digits`.*Moving MNIST.*BAIR"):
        load_videos(DataConfig(source="nowhere"), 4)
    with pytest.raises(UserError, match="do not move in a frame"):
        suited(np.ones((3, 20, 1), np.uint8), 24)
