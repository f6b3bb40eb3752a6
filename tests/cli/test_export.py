"""The command `export`: the policy of a run in a file, or one line and no file."""

import numpy as np
import pytest

import odes_rl
from odes_rl.cli.program import main
from tests.exported import ACT, observations_of
from tests.made_runs import create_run, train_run

TASK = {"task__id": "odd_environments:Integers", "policy__output_scale": 30.0}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train_run(tmp_path_factory.mktemp("run") / "run", run__generations=2, strategy__population=2, **TASK)[0]


def told(capsys, *arguments):
    assert main(["export", *map(str, arguments)]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_run_is_exported_in_the_format_of_the_option_or_of_the_files_ending(trained, tmp_path, capsys):
    policy = odes_rl.load(trained.path, "latest")
    observations = observations_of(policy)
    words = "checkpoint: latest, of generation 2"
    assert told(capsys, trained.path, "--checkpoint", "latest") == [words, f"{trained.path}/policy.npz"]
    arrays = np.load(trained.path / "policy.npz")
    assert (str(arrays["task"]), str(arrays["generation"])) == ("odd_environments:Integers", "2")
    assert told(capsys, trained.path, "--format", "onnx")[1] == f"{trained.path}/policy.onnx"
    file = tmp_path / "mine.stablehlo"
    assert told(capsys, trained.path, "--output", file, "--checkpoint", "latest")[1] == str(file)
    told(capsys, trained.path, "--output", file.with_suffix(".onnx"), "--checkpoint", "latest")
    for kind, act in ACT.items():
        actions = act(file.with_suffix(f".{kind}"), observations)
        assert actions.dtype == policy(observations).dtype
        np.testing.assert_array_equal(actions, policy(observations))


def test_python_exports_the_same_file(trained, tmp_path, capsys):
    told(capsys, trained.path, "--output", tmp_path / "one.onnx", "--dtype", "float32")
    written = odes_rl.load(trained.path).export(tmp_path / "two", format="onnx", dtype="float32")
    assert written.read_bytes() == (tmp_path / "one.onnx").read_bytes()


MISTAKES = [
    (["--output", "{here}", "--format", "onnx"], "but that is a directory"),
    (["--dtype", "float32"], "dtype is float32, but a policy in the format npz takes any"),
    (["--output", "{here}/x.onnx", "--format", "npz"], "but the format is npz"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_is_one_line_and_writes_no_file(trained, tmp_path, capsys, arguments, message):
    before = sorted(trained.path.rglob("*"))
    asked = [part.format(here=tmp_path) for part in arguments]
    assert main(["export", str(trained.path), *asked]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert sorted(trained.path.rglob("*")) == before
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["npz", "onnx", "stablehlo"])
def test_a_run_that_never_trained_is_refused_and_left_as_it_is(tmp_path, capsys, kind):
    run = create_run(tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    assert main(["export", str(run.path), "--format", kind]) == 2
    assert "has no checkpoint yet: start it with `odes-rl resume" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_that_cannot_be_written_is_one_line(trained, tmp_path, capsys):
    (tmp_path / "policy.npz.tmp").mkdir()
    assert main(["export", str(trained.path), "--output", str(tmp_path / "policy.npz")]) == 1
    assert "cannot write to" in capsys.readouterr().err
    assert not (tmp_path / "policy.npz").exists()
