"""Where compiled code is kept: by versions and processor, within a bound, and never in anybody's way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from odes_rl import caching
from odes_rl.act.compilation import _Cache, compiled
from odes_rl.caching import cache_directory, keep_programs, program_cache, prune, versions
from odes_rl.start_up import import_path

DIRECTORY = "JAX_COMPILATION_CACHE_DIR"
TINY = ["--task.id", "Pendulum-v1", "--task.max-steps", "20", "--policy.hidden", "6", "--strategy.population", "8"]
TINY += ["--run.generations", "2", "--run.evaluation-episodes", "2", "--rollouts.workers", "2"]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The directory in which things are kept."""
    monkeypatch.delenv(DIRECTORY, raising=False)
    monkeypatch.delenv("PJRT_NPROC", raising=False)
    monkeypatch.setenv(caching.VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_the_directory_is_that_of_the_variable_or_of_xdg_or_of_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv(caching.VARIABLE, str(tmp_path / "a"))
    assert cache_directory("programs") == tmp_path / "a/programs"
    monkeypatch.delenv(caching.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert cache_directory("kernels") == tmp_path / "b/odes_rl/kernels"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "c"))
    assert cache_directory("kernels") == tmp_path / "c/.cache/odes_rl/kernels"
    assert not list(tmp_path.iterdir())


def test_nothing_is_kept_if_the_user_says_so(monkeypatch):
    monkeypatch.setenv(caching.VARIABLE, "off")
    assert cache_directory("programs") is None
    assert program_cache({}) == {}


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv(caching.VARIABLE, str(tmp_path / "file/below"))
    assert cache_directory("programs") is None
    keep_programs()


def test_a_place_that_cannot_even_be_looked_at_stops_no_command(tmp_path):
    script = (
        "import os\n"
        "from odes_rl.caching import cache_directory, keep_programs\n"
        "if not os.getuid(): os.seteuid(65534)\n"  # root may look anywhere
        "keep_programs()\n"
        "print(cache_directory('programs'))"
    )
    (tmp_path / "home").mkdir(mode=0o700 if not os.getuid() else 0)
    environment = {**os.environ, **import_path(), caching.VARIABLE: str(tmp_path / "home/below")}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert done.stdout == "None\n", done.stderr


def test_a_directory_that_the_user_gave_jax_stays(root):
    assert program_cache({DIRECTORY: "/elsewhere"}) == {}


def test_each_number_of_cores_has_its_own_programs_and_a_parents_are_not_taken_over(root):
    parents = program_cache({})
    mine = program_cache({**parents, "PJRT_NPROC": "1"})
    assert mine[DIRECTORY] == str(root / "programs" / f"{versions()}-1")
    assert program_cache({**mine, "PJRT_NPROC": "7"})[DIRECTORY].endswith("-7")


@pytest.mark.parametrize("package", ["odes-rl", "jax", "jaxlib", "numba", "mujoco"])
def test_another_version_is_kept_elsewhere(package, monkeypatch):
    before, known = versions(), caching._version
    monkeypatch.setattr(caching, "_version", lambda name: "0.0" if name == package else known(name))
    assert versions.__wrapped__() != before


def test_another_processor_is_kept_elsewhere(monkeypatch):
    before = versions()
    assert caching._processor()
    monkeypatch.setattr(caching, "_processor", lambda: ["flags : none"])
    assert versions.__wrapped__() != before


def test_what_was_used_longest_ago_goes_first_and_only_what_is_ours(root):
    for age, name in enumerate(["kernels/x/new", "programs/y/middle", "kernels/x/old", "mine"]):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(100))
        os.utime(path, (1e9 - age, 1e9 - age))
    prune(root, 300)
    assert len([path for path in root.rglob("*") if path.is_file()]) == 4
    prune(root, 150)
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == ["mine", "new"]


def test_the_size_is_looked_at_once_an_hour(root, monkeypatch):
    monkeypatch.setattr(caching, "LIMIT", 0)
    monkeypatch.setenv(DIRECTORY, "/elsewhere")
    monkeypatch.setattr(caching, "prune", lambda directory: looks.append(directory))
    looks = []
    keep_programs()  # nothing is kept yet
    root.mkdir()
    keep_programs()
    keep_programs()
    assert looks == [root]
    os.utime(root / "pruned", (0, 0))
    keep_programs()
    assert looks == [root, root]


def test_kernels_compile_where_they_cannot_be_kept_or_read(monkeypatch):
    def refuse(self, *arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", refuse)
    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.load", refuse)

    @compiled
    def doubled(x: np.ndarray) -> np.ndarray:
        return 2 * x

    assert isinstance(doubled._cache, _Cache)
    assert doubled(np.ones(3)).tolist() == [2, 2, 2]


def call(here: Path, kept: str, *arguments: str) -> None:
    """Run the program, which must print no warning."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("JAX_COMPILATION")}
    environment = {**given, caching.VARIABLE: kept, **import_path(), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    command = [sys.executable, "-P", "-m", "odes_rl", *arguments]
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "rror" not in done.stderr, done.stderr
    assert "arning" not in done.stderr, done.stderr


def last_checkpoint(run: Path) -> dict[str, bytes]:
    """Every array of the latest checkpoint, but not the seconds that training took."""
    checkpoint = run / "checkpoints/00000002.0"
    names = json.loads((checkpoint / "manifest.json").read_text(encoding="utf-8"))["arrays"]
    with np.load(checkpoint / "arrays.npz") as arrays:
        found = {name: arrays[str(i)].tobytes() for i, name in enumerate(names)}
    return {name: array for name, array in found.items() if name != ".wall_seconds"}


@pytest.mark.slow
def test_a_run_has_the_same_bits_whatever_is_kept(tmp_path):
    """Nothing is kept; it is kept; it is read; it is damaged; at last nothing can be written."""
    kept = tmp_path / "kept"
    call(tmp_path, "off", "train", *TINY, "--run.directory", "off")
    assert not kept.exists()
    for name in ("cold", "warm"):
        call(tmp_path, str(kept), "train", *TINY, "--run.directory", name)
    programs = list((kept / "programs").rglob("*-cache"))
    assert {path.name.partition("-")[0] for path in programs} >= {"jit_step", "jit_candidate_weights"}
    for path in programs:
        path.write_bytes(path.read_bytes()[:100])
    call(tmp_path, str(kept), "train", *TINY, "--run.directory", "damaged")
    (tmp_path / "file").touch()
    call(tmp_path, str(tmp_path / "file/below"), "train", *TINY, "--run.directory", "unwritable")
    expected = last_checkpoint(tmp_path / "off")
    assert len(expected) > 5
    for name in ("cold", "warm", "damaged", "unwritable"):
        assert last_checkpoint(tmp_path / name) == expected, name
