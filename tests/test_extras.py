"""What happens without the packages of extras: classic control trains, all else is told in one line."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from odes_rl.errors import UserError
from odes_rl.extras import EXTRAS, install, lacking, require, required

ROOT = Path(__file__).parents[1]
SHORT = [
    "--task.max-steps",
    "5",
    "--policy.name",
    "linear",
    "--strategy.population",
    "2",
    "--rollouts.backend",
    "serial",
]
SHORT += ["--run.generations", "1", "--run.evaluation-episodes", "1"]
CODE = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from odes_rl.extras import EXTRAS

class Finder:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *rest):
        return None if name.partition(".")[0] in EXTRAS else self.finder.find_spec(name, *rest)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Finder, sys.meta_path)
from odes_rl.cli.program import main
answers = []
for arguments in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(arguments)
    answers.append((status, out.getvalue(), err.getvalue()))
print(json.dumps(answers))
"""
"""Runs the program once for each list of arguments, in a process without those packages."""
TRAINED = ["train", "--task.id", "Pendulum-v1", *SHORT, "--run.directory", "run"]
MISSING = [
    (["train", "--task.id", "Hopper-v5", *SHORT], "mujoco"),
    (["train", "--task.id", "dm_control/cartpole-swingup-v0", *SHORT], "shimmy"),
    (["train", "--task.id", "BipedalWalker-v3", *SHORT], "Box2D"),
    (["train", "--task.id", "gymnasium_robotics:PointMaze_UMaze-v3", *SHORT], "gymnasium_robotics"),
    (["train", "--task.id", "Pendulum-v1", *SHORT, "--rollouts.backend", "ray"], "ray"),
    (["train", "--task.id", "Pendulum-v1", *SHORT, "--rollouts.backend", "envpool"], "envpool"),
    (["train", "--task.id", "Pendulum-v1", *SHORT, "--rollouts.backend", "mjx"], "mujoco.mjx"),
    (["evaluate", "run", "--video", "film.mp4"], "imageio"),
    (["plot", "run"], "matplotlib"),
    (["inspect", "run"], "matplotlib"),
    (["compare", "small"], "matplotlib"),
    (["study", "sorting.yaml"], "matplotlib"),
    (["fit", "digits"], "sklearn"),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What each command answers: exit status, standard output and error; and the directory they were called in."""
    here = tmp_path_factory.mktemp("bare")
    (here / "sorting.yaml").write_text(yaml.safe_dump({"study": "sorting"}), encoding="utf-8")
    asked = [
        TRAINED,
        ["evaluate", "run", "--episodes", "1"],
        ["list", "tasks"],
        *(arguments for arguments, _ in MISSING),
    ]
    code = [sys.executable, "-c", CODE]
    done = subprocess.run(code, cwd=here, input=json.dumps(asked), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return here, json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_classic_control_trains_and_says_what_is_left_out(answers):
    here, (trained, evaluated, listed, *_), told = answers
    assert trained[0] == 0, trained
    assert "odes-rl[plots]" in trained[1]
    assert told.count("odes-rl[tensorboard]") + trained[2].count("odes-rl[tensorboard]") == 1
    assert evaluated[0] == 0
    assert "return" in evaluated[1]
    assert {"Pendulum-v1", "MountainCarContinuous-v0"} <= set(listed[1].split())
    assert "Hopper-v5" not in listed[1]
    assert sorted(path.name for path in here.iterdir()) == ["run", "sorting.yaml"]


@pytest.mark.parametrize("place", range(len(MISSING)), ids=[" ".join(words)[:40] for words, _ in MISSING])
def test_a_missing_extra_is_one_line(answers, place):
    _, (_, _, _, *refused), _ = answers
    status, out, err = refused[place]
    assert status == 2, (out, err)
    assert out == ""
    assert err.count("\n") == 1
    assert install(MISSING[place][1]) in err, err


def test_every_extra_in_the_table_is_one_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(EXTRAS.values()) <= project["optional-dependencies"].keys()


def test_a_requirement_that_is_there_is_none():
    require("this", "numpy", "mujoco")
    with required("this"):
        import mujoco
    assert mujoco.__version__


def test_what_led_to_an_error_is_found_behind_it():
    error = RuntimeError("not installed")
    error.__cause__ = ModuleNotFoundError("No module named 'Box2D'", name="Box2D.b2")
    assert lacking(error) == "Box2D"
    assert lacking(ModuleNotFoundError("No module named 'mine'", name="mine")) is None


def test_only_a_package_with_an_extra_is_told_as_such():
    with pytest.raises(ModuleNotFoundError, match="mine"), required("this"):
        raise ModuleNotFoundError("mine", name="mine")
    with (
        pytest.raises(UserError, match=r'this needs the package optuna, .*: pip install "odes-rl\[search\]"'),
        required("this"),
    ):
        raise ModuleNotFoundError("optuna", name="optuna.storages")
