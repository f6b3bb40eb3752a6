"""Two trainers never share a run; a dead one leaves it free."""

import subprocess
import sys

import pytest

from odes_rl.cli.program import main
from odes_rl.config.layering import layer_values
from odes_rl.errors import UserError
from odes_rl.runs.lock import only_trainer
from odes_rl.runs.run_directory import RunDirectory

HOLD = """
import sys
from pathlib import Path
from odes_rl.runs.lock import only_trainer
with only_trainer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process, which trains the run in `tmp_path` as far as the lock can tell."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.fixture
def config():
    return layer_values({"task": {"id": "Swimmer-v5"}}, {"policy.name": "linear"}, default_directory="unused")


def test_a_run_being_trained_is_not_resumed_and_left_alone(tmp_path, config, request, capsys):
    RunDirectory.create(tmp_path, config)
    request.getfixturevalue("other")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*")}
    assert main(["resume", str(tmp_path), "--run.generations", "3"]) == 2
    assert "being trained by another process" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_a_run_cannot_begin_where_another_does(tmp_path, config, other):
    with pytest.raises(UserError, match="being trained by another process"):
        RunDirectory.create(tmp_path, config)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_killed_trainer_leaves_the_run_free(tmp_path, config, other):
    other.kill()
    other.wait()
    with only_trainer(tmp_path):
        pass
    assert RunDirectory.create(tmp_path, config).path == tmp_path


def test_the_lock_alone_is_no_run(tmp_path, config):
    with only_trainer(tmp_path):
        assert (tmp_path / "lock").is_file()
    RunDirectory.create(tmp_path, config)
