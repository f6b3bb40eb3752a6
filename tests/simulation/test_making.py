"""What keeps a task from the backend mjx is told in one line, with the way out."""

import os
import re
import subprocess
import sys

import jax
import pytest

from odes_rl import extras
from odes_rl.cli.program import main
from odes_rl.errors import UserError
from odes_rl.rollouts.choosing import choose_backend
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.rollouts.setup import Setup, Wrap
from odes_rl.simulation import models
from odes_rl.simulation.making import check
from tests.simulation.fake import backend, make_seeds, make_statistics, make_weights

FLAT = Setup(wrappers=(Wrap("ClipReward", {"max_reward": 1.0}),))


@pytest.mark.parametrize(
    ("task", "setup", "words"),
    [
        ("Pendulum-v1", Setup(), ["mjx has no task 'Pendulum-v1'", "MuJoCo", "rollouts.backend: processes"]),
        ("CartPole-v1", Setup(), ["continuous actions only", "CartPole-v1", "rollouts.backend: processes"]),
        ("Swimmer-v5", FLAT, ["task.wrappers (ClipReward)", "Swimmer-v5", "rollouts.backend: processes"]),
        ("Swimmer-v5", Setup({"xml_file": "swimmer.xml"}), ["task.options (xml_file)", "leave it out"]),
        ("dm_control/point_mass-hard-v0", Setup(), ["resets that draw wrap_prm", "rollouts.backend: processes"]),
        ("dm_control/quadruped-escape-v0", Setup(), ["HFIELD", "collisions not implemented", "backend: processes"]),
        ("dm_control/stacker-stack_2-v0", Setup(), ["collisions of two boxes", "rollouts.backend: processes"]),
    ],
)
def test_a_task_that_the_backend_cannot_run(task, setup, words):
    with pytest.raises(UserError) as raised:
        check(task, setup)
    message = str(raised.value)
    assert "\n" not in message
    assert [word for word in [*words, "rollouts.backend: mjx"] if word not in message] == []


def test_actions_on_the_device_are_the_backends_own(capsys, tmp_path):
    options = ["--task.id", "Swimmer-v5", "--rollouts.backend", "mjx", "--rollouts.inference", "device"]
    assert main(["train", *options, "--run.directory", str(tmp_path / "run")]) == 2
    assert "inference is device, which needs worker processes, but backend is mjx" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize(
    "command", [["evaluate", "pretrained:Swimmer-v5/linear", "--backend", "mjx"], ["train", "--task.id", "Pendulum-v1"]]
)
def test_no_accelerator_where_one_was_asked_for(command, platform, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "odes_rl", *command],
        env={**os.environ, "JAX_PLATFORMS": platform},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    if done.returncode == 0:
        pytest.skip(f"there is a {platform} device")
    assert re.search(rf"^odes-rl: JAX found no device of JAX_PLATFORMS={platform} .*odes-rl\[cuda\]", done.stderr)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert not list(tmp_path.iterdir())


def test_mjx_that_is_not_installed_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(extras, "is_installed", lambda module: module != "mujoco.mjx")
    with pytest.raises(UserError, match=r'mujoco.mjx, which is not installed: pip install "odes-rl\[mjx\]"'):
        models.load_mjx()


def test_a_device_that_runs_out_of_memory_is_told_in_one_line(monkeypatch):
    def refuse(*arguments):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 12345 bytes.")

    with backend() as device:
        monkeypatch.setattr(device.programs, "find", refuse)
        with pytest.raises(UserError, match=r"out of the device's memory with 10 episodes.*set rollouts.lanes"):
            device.evaluate(make_weights(5), make_statistics(), make_seeds(5, 2))


def test_auto_never_picks_it_and_lanes_bound_what_a_device_steps_at_once():
    assert choose_backend(RolloutsConfig(), 64).backend != "mjx"
    free, bounded = (choose_backend(RolloutsConfig(backend="mjx", lanes=lanes), 64) for lanes in (None, 16))
    assert str(free) == "mjx, as many environments at once on a device as fit into its memory"
    assert str(bounded) == "mjx, at most 16 environments at once on a device"
