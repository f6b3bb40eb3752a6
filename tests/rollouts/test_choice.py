"""What `auto` stands for, and that a run says so."""

import pytest

from odes_rl.cli.program import main
from odes_rl.errors import UserError
from odes_rl.rollouts.choosing import available_cores, choose_backend
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.rollouts.machine import processor
from odes_rl.runs.metrics import read_metrics
from odes_rl.training.train import train
from odes_rl.validation import build_model
from tests.made_runs import create_run, train_run


@pytest.mark.parametrize(
    ("options", "chosen", "words"),
    [
        ({"workers": 1}, ("serial", 1, 1), "serial, 1 worker"),
        ({"workers": 3}, ("processes", 3, 1), "processes, 3 workers"),
        ({"backend": "processes", "workers": 1, "lanes": 4}, ("processes", 1, 4), "processes, 1 worker"),
        ({"backend": "serial", "workers": 3}, ("serial", 1, 1), "serial, 1 worker"),
        ({"backend": "envpool", "workers": 2}, ("envpool", 2, 1), "envpool, 2 threads"),
        ({"backend": "ray", "workers": 5}, ("ray", 5, 1), "ray, 5 workers"),
        ({"backend": "ray"}, ("ray", None, 1), "ray, one worker for each CPU of the cluster"),
        (
            {"inference": "device", "workers": 3},
            ("processes", 3, 34),
            "processes, 3 workers, 34 lanes each, actions on the device",
        ),
        (
            {"inference": "device", "workers": 1, "lanes": 8},
            ("processes", 1, 8),
            "processes, 1 worker, 8 lanes each, actions on the device",
        ),
    ],
)
def test_a_choice_has_the_backends_own_name(options, chosen, words):
    choice = choose_backend(RolloutsConfig(**options), episodes=100)
    assert choice[:3] == chosen
    assert str(choice) == words


def test_lanes_on_the_device_have_a_limit():
    assert choose_backend(RolloutsConfig(inference="device", workers=2), episodes=10**4).lanes == 256


def test_by_default_there_is_a_worker_for_each_core():
    assert choose_backend(RolloutsConfig(backend="processes"), 1).workers == available_cores()


@pytest.mark.parametrize("backend", ["serial", "ray", "envpool"])
def test_the_device_needs_worker_processes(backend):
    with pytest.raises(UserError, match=f"backend is {backend}: use backend processes"):
        build_model(RolloutsConfig, {"inference": "device", "backend": backend})


def launches(run):
    """What is written of the run's launches, without the machine, which is that of the tests."""
    lines = read_metrics(run.path / "launches.jsonl")
    machines = [(line.pop("processor"), line.pop("cores")) for line in lines]
    assert set(machines) == {(processor(), available_cores())}
    return lines


def test_a_run_says_what_computed_it_from_which_generation_on(tmp_path):
    serial = {"backend": "serial", "workers": 1, "lanes": 1, "inference": "workers"}
    run, _ = train_run(tmp_path / "run", rollouts__backend="auto", rollouts__workers=1, run__generations=2)
    assert launches(run) == [{"generation": 0, **serial}]
    overrides = ["--run.generations", "3", "--rollouts.workers", "2", "--rollouts.lanes", "3"]
    assert main(["resume", str(run.path), *overrides]) == 0
    assert launches(run) == [{"generation": 0, **serial}, {"generation": 2, **serial} | PROCESSES]


PROCESSES = {"backend": "processes", "workers": 2, "lanes": 3, "inference": "workers"}


def test_a_launch_that_left_nothing_behind_is_forgotten(tmp_path):
    with create_run(tmp_path / "run") as run:
        for generation in (0, 4, 8, 4):
            run.append_launch({"generation": generation, "backend": "serial"})
        assert [line["generation"] for line in read_metrics(run.path / "launches.jsonl")] == [0, 4]


def test_the_console_says_what_auto_chose(tmp_path, capsys):
    with create_run(tmp_path / "run", rollouts__backend="auto", rollouts__workers=1, run__generations=1) as run:
        pass
    assert main(["resume", str(run.path)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "rollouts: serial, 1 worker"


def test_a_run_trains_in_envpool(tmp_path):
    with create_run(tmp_path / "run", rollouts__backend="envpool", rollouts__workers=1, run__generations=2) as run:
        train(run, lambda metrics: None)
    assert [line["failed_candidates"] for line in run.metrics()[1:]] == [0, 0]
    assert run.metrics()[-1]["evaluation_return_mean"] > 0
    assert launches(run) == [{"generation": 0, "backend": "envpool", "workers": 1, "lanes": 1, "inference": "workers"}]


def test_a_run_trains_with_actions_from_the_device(tmp_path):
    device = {"rollouts__backend": "auto", "rollouts__inference": "device", "rollouts__workers": 2}
    run, _ = train_run(tmp_path / "device", run__generations=2, **device)
    same, _ = train_run(tmp_path / "workers", run__generations=2)
    assert launches(run) == [{"generation": 0, "backend": "processes", "workers": 2, "lanes": 3, "inference": "device"}]
    for mine, theirs in zip(run.metrics(), same.metrics(), strict=True):
        assert mine["env_steps"] == theirs["env_steps"]
        assert mine.get("return_mean", 0.0) == pytest.approx(theirs.get("return_mean", 0.0), rel=1e-3)


@pytest.mark.parametrize(
    ("option", "before", "now", "told"),
    [
        ("backend", "processes", "envpool", "rollouts.backend from processes to envpool"),
        ("backend", "envpool", "auto", "rollouts.backend from envpool to auto"),
        ("inference", "workers", "device", "rollouts.inference, because"),
        ("inference", "device", "workers", "rollouts.inference, because"),
    ],
)
def test_resume_changes_neither_to_nor_from_what_cannot_be_reproduced(option, before, now, told, tmp_path, capsys):
    given = {"rollouts__backend": "processes", "rollouts__workers": 1, f"rollouts__{option}": before}
    with create_run(tmp_path / "run", run__generations=1, **given) as run:
        pass
    assert main(["resume", str(run.path), f"--rollouts.{option}", now]) == 2
    assert f"resume cannot change {told}" in capsys.readouterr().err
