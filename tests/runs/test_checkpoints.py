"""Bits come back; a kill or a cut at any byte leaves something usable."""

import random
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl.runs import archive, checkpoints
from odes_rl.runs.checkpoints import Checkpoints


class State(NamedTuple):
    params: dict[str, Any]
    key: jax.Array
    raw_key: jax.Array
    moments: tuple[np.ndarray, ...]
    generation: jax.Array
    env_steps: int
    best: float


def make_state(seed: int) -> State:
    generator = np.random.default_rng(seed)
    matrix = jnp.asarray(generator.normal(size=(3, 4)), jnp.float32)
    moments = (np.asarray(seed + 0.1), generator.normal(size=5), np.array([-0.0, np.nan, np.inf, 1e-320]))
    params = {
        "matrix": matrix,
        "b": {"c": jnp.full(3, -0.0)},
        "half": matrix.astype(jnp.bfloat16),
        "empty": jnp.zeros((0, 2)),
        "none": (),
    }
    key = jax.random.key(seed)
    return State(params, key, jax.random.PRNGKey(seed), moments, jnp.int32(seed), 10**12 + seed, -np.inf)


def assert_identical(found: Any, wanted: Any) -> None:
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert isinstance(a, jax.Array) == isinstance(b, jax.Array)
        assert isinstance(a, np.ndarray) == isinstance(b, np.ndarray)
        if isinstance(b, jax.Array) and jnp.issubdtype(b.dtype, jax.dtypes.prng_key):
            assert a.dtype == b.dtype
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def generations(directory: Path) -> list[int]:
    return sorted(int(path.name.split(".")[0]) for path in directory.iterdir() if path.name[0].isdigit())


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("saved")
    store = Checkpoints(directory)
    store.save(1, make_state(1))
    store.save(2, make_state(2))
    store.save_best(1, make_state(1))
    return directory


@pytest.fixture
def store(saved, tmp_path) -> Checkpoints:
    shutil.copytree(saved, tmp_path / "copy")
    return Checkpoints(tmp_path / "copy")


def test_every_leaf_comes_back_bit_for_bit(store):
    generation, state = store.restore(make_state(0))
    assert generation == 2
    assert_identical(state, make_state(2))
    assert type(state.env_steps) is int
    assert state.moments[1].dtype == np.float64


def test_the_best_is_kept_apart(store):
    generation, state = store.restore(make_state(0), "best")
    assert generation == 1
    assert_identical(state, make_state(1))
    store.save_best(5, make_state(5))
    assert store.restore(make_state(0), "best")[0] == 5
    assert store.latest_generation() == 2
    assert generations(store.directory / "best") == [1, 5]  # a run that goes back to 2 has 1 for its best
    store.save(5, make_state(5))
    store.save(6, make_state(6))
    store.save(7, make_state(7))
    store.save_best(8, make_state(8))
    store.save_best(9, make_state(9))
    assert generations(store.directory / "best") == [5, 9]


def test_only_the_last_few_are_kept(tmp_path):
    store = Checkpoints(tmp_path, keep=2)
    assert store.latest_generation() is None
    for generation in range(4):
        store.save(generation, {"x": np.full(2, generation)})
    assert generations(tmp_path) == [2, 3]
    assert store.latest_generation() == 3


def test_saving_a_generation_again_replaces_it_and_whatever_came_later(store):
    store.save(1, make_state(7))
    assert generations(store.directory) == [1]
    assert_identical(store.restore(make_state(0))[1], make_state(7))


def test_a_cut_file_is_noticed_and_the_one_before_taken(store, caplog):
    newest = next(path for path in store.directory.iterdir() if path.name.startswith("00000002"))
    files = sorted(newest.iterdir())
    assert [file.name for file in files] == ["arrays.npz", "manifest.json"]
    chance = random.Random(0)
    for file in files:
        content = file.read_bytes()
        for length in {0, len(content) - 1, chance.randrange(len(content)), chance.randrange(len(content))}:
            file.write_bytes(content[:length])
            caplog.clear()
            generation, state = store.restore(make_state(0))
            assert generation == 1, (file, length)
            assert_identical(state, make_state(1))
            assert "damaged" in caplog.text
        file.unlink()
        assert store.restore(make_state(0))[0] == 1
        file.write_bytes(content)
    assert store.restore(make_state(0))[0] == 2


def test_damaged_ones_take_no_usable_ones_place(tmp_path):
    """However often the newest is cut, there is one before it."""
    for generation in range(3, 9):
        store = Checkpoints(tmp_path, keep=2)
        store.save(generation, {"x": np.full(2, 1.0)})
        store.save(generation + 1, {"x": np.full(2, 1.0)})
        (newest,) = tmp_path.glob(f"{generation + 1:08d}.*")
        (newest / "manifest.json").write_text("{")
        assert store.restore({"x": np.zeros(2)})[0] == generation
        store.save(generation + 2, {"x": np.zeros(2)})
        assert generations(tmp_path) == [generation, generation + 2]


def test_a_changed_byte_is_noticed(store):
    (file,) = store.directory.glob("00000002.*/arrays.npz")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    assert store.restore(make_state(0))[0] == 1


@pytest.mark.parametrize(
    ("which", "advice"), [("latest", "start the run again"), ("best", "ask for the checkpoint latest")]
)
def test_nothing_usable_is_a_mistake_with_its_fix(store, which, advice):
    for manifest in store.directory.rglob("manifest.json"):
        manifest.write_text("{")
    with pytest.raises(UserError, match=f"no usable {which} checkpoint.*{advice}"):
        store.restore(make_state(0), which)


@pytest.mark.parametrize("which", ["latest", "best"])
def test_nothing_there_is_a_mistake_with_its_fix(tmp_path, which):
    with pytest.raises(UserError, match=f"no {which} checkpoint.*start the run again"):
        Checkpoints(tmp_path / "absent").restore(make_state(0), which)


def test_a_best_checkpoint_that_is_missing_has_the_latest_for_its_fix(store):
    shutil.rmtree(store.directory / "best")
    with pytest.raises(UserError, match=r"no best checkpoint.*no evaluation had .*; ask for the checkpoint latest"):
        store.restore(make_state(0), "best")


@pytest.mark.parametrize(
    "params",
    [
        {"matrix": jnp.zeros((3, 3))},
        {"matrix": jnp.zeros((3, 4), jnp.int32)},
        {"matrix": jnp.zeros((3, 4)), "d": 1},
    ],
)
def test_a_state_of_another_shape_is_a_mistake(store, params):
    like = make_state(0)
    with pytest.raises(UserError, match="another configuration"):
        store.restore(like._replace(params={**like.params, **params}))


@pytest.mark.parametrize("reader", ["_read_manifest", "_read"])
def test_a_best_replaced_while_it_is_read_is_read_anew(store, monkeypatch, reader):
    read = getattr(archive, reader)
    store.save_best(3, make_state(3))

    def replaced_meanwhile(path: Path) -> Any:
        monkeypatch.setattr(archive, reader, read)
        store.save_best(5, make_state(5))
        return read(path)

    monkeypatch.setattr(archive, reader, replaced_meanwhile)
    generation, state = store.restore(make_state(0), "best")
    assert generation == 5
    assert_identical(state, make_state(5))


def test_a_checkpoint_of_the_earlier_format_is_refused_with_its_version(store):
    (newest,) = store.directory.glob("00000002.*")
    (newest / "manifest.json").write_text('{"arrays": {}, "files": {"state/manifest.ocdbt": "0"}}')
    with pytest.raises(UserError, match=r"written by odes_rl 0\.1"):
        store.restore(make_state(0))


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError])
def test_files_that_cannot_be_read_are_damage(store, monkeypatch, error):
    def fail(path: Path) -> bytes:
        raise error

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(UserError, match="no usable latest checkpoint"):
        store.restore(make_state(0))


@pytest.mark.parametrize("step", ["write", "rename", "remove"])
def test_dying_in_mid_save_leaves_a_usable_checkpoint(store, monkeypatch, step):
    class KilledError(Exception):
        pass

    def die(*arguments: object, **options: object) -> None:
        raise KilledError

    targets = {
        "write": (archive, "_write"),
        "rename": (Path, "rename"),
        "remove": (checkpoints, "_remove_all_but"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*targets[step], die)
        with pytest.raises(KilledError):
            store.save(2, make_state(9))
    generation, state = store.restore(make_state(0))
    assert generation == 2
    assert_identical(state, make_state(9 if step == "remove" else 2))
    store.save(3, make_state(3))
    assert generations(store.directory) == [1, 2, 3]
    assert not list(store.directory.glob("tmp-*"))
