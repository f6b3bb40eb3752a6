"""What cannot be written is one line with its fix, and what was written before stays as it was."""

import errno
import os
import resource
from contextlib import contextmanager

import numpy as np
import pytest

from odes_rl.cli.program import main
from odes_rl.errors import StorageError
from odes_rl.runs.checkpoints import Checkpoints
from odes_rl.runs.files import replace_text, writing_to
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.train import train
from tests.made_runs import bits, create_run, timeless, train_run

STATE = {"x": np.random.default_rng(0).normal(size=4000)}


@contextmanager
def files_up_to(size):
    """While this lasts, the system lets no file of this process grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_checkpoint_without_room_is_an_error_and_the_earlier_one_stays(tmp_path, capfd):
    store = Checkpoints(tmp_path / "checkpoints")
    store.save(1, STATE)
    for save in (store.save, store.save_best):
        with (
            files_up_to(1000),
            pytest.raises(StorageError, match=r"cannot write to .*checkpoints.*File too large.*free"),
        ):
            save(2, STATE)
    assert [path.name for path in store.directory.iterdir() if path.name != "best"] == ["00000001.0"]
    assert store.restore(STATE)[0] == 1
    assert capfd.readouterr().err == ""
    store.save(2, STATE)
    assert store.restore(STATE)[0] == 2


def test_a_file_that_is_replaced_in_vain_keeps_its_content(tmp_path):
    path = tmp_path / "file"
    replace_text(path, "old")
    with files_up_to(10), pytest.raises(OSError, match="File too large"):
        replace_text(path, "new" * 1000)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize(("number", "fix"), [(errno.ENOSPC, "free some space there"), (errno.EACCES, "correct this")])
def test_the_line_names_place_cause_and_fix(number, fix, tmp_path):
    with pytest.raises(StorageError) as caught, writing_to(tmp_path / "not" / "there"):
        raise OSError(number, os.strerror(number))
    for words in (str(tmp_path / "not" / "there"), os.strerror(number), fix):
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("growth", [10, pytest.param(900, marks=pytest.mark.slow)])
def test_a_full_disk_stops_a_run_which_resumes_to_the_same_bits(growth, tmp_path):
    whole, whole_state = train_run(tmp_path / "whole", run__generations=6)

    def full_disk(line):
        if line["generation"] == 3:
            size = (tmp_path / "run/metrics.jsonl").stat().st_size + growth
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    with files_up_to(resource.RLIM_INFINITY), create_run(tmp_path / "run", run__generations=6) as run:
        with pytest.raises(StorageError):
            train(run, full_disk)
        with pytest.raises(StorageError):
            train(RunDirectory.open(run.path), lambda line: None)
    with RunDirectory.open(tmp_path / "run") as run:
        state = train(run, lambda line: None)
    assert timeless(run) == timeless(whole)
    assert bits(state) == bits(whole_state)


def test_the_program_tells_it_in_one_line_that_says_how_to_go_on(tmp_path, capsys):
    run, _ = train_run(tmp_path / "run", run__generations=2)
    (run.path / "metrics.jsonl.tmp").mkdir()
    assert main(["resume", str(run.path), "--run.generations", "3"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "Is a directory" in told
    assert f"odes-rl resume {run.path}" in told
    (run.path / "metrics.jsonl.tmp").rmdir()
    assert main(["resume", str(run.path), "--run.generations", "3"]) == 0
