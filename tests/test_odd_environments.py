"""Environments that people have: trained as they deserve, or refused in one line, through the command line."""

import logging
import os
import re
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path

import gymnasium
import numpy as np
import odd_environments
import pytest

import odes_rl
from odes_rl.cli.program import main
from odes_rl.errors import UserError
from odes_rl.rollouts import patience
from odes_rl.rollouts.cautions import ranges
from odes_rl.rollouts.registration import check_known_elsewhere
from odes_rl.rollouts.tasks import find_task, is_built_in
from odes_rl.runs.run_directory import RunDirectory
from tests.made_runs import timeless

TINY = (
    *("--policy.name", "linear", "--strategy.population", "4"),
    *("--strategy.sigma-per-leaf", "none", "--strategy.sigma", "0.5"),
    *("--run.generations", "2", "--run.evaluate_every", "1", "--run.evaluation_episodes", "4"),
)
SERIAL = ("--rollouts.backend", "serial")
PROCESSES = ("--rollouts.backend", "processes", "--rollouts.workers", "1")


@pytest.fixture
def train(tmp_path):
    """`train(name, *options) -> exit status` of a tiny run of that task, recorded in `run`."""
    config = tmp_path / "config.yaml"

    def run(name: str, *options: str, backend: tuple[str, ...] = SERIAL, directory: str = "run") -> int:
        config.write_text(f"task: {{id: '{name if '-' in name else f'odd_environments:{name}-v0'}'}}\n")
        return main(["train", str(config), *TINY, *backend, "--run.directory", str(tmp_path / directory), *options])

    return run


def metrics_of(directory: Path) -> list[dict]:
    return timeless(RunDirectory.open(directory))


def assert_refused(status, capsys, *words):
    """In one line, with these words, before anything was written."""
    assert status == 2
    error = capsys.readouterr().err
    assert error.startswith("odes-rl: ")
    assert error.count("\n") == 1
    for word in words:
        assert word in error


def test_a_dictionarys_order_and_further_keys_change_nothing(train, tmp_path):
    for name in ("Keys", "KeyExtra"):
        assert train(name, directory=name) == 0
    assert metrics_of(tmp_path / "KeyExtra") == metrics_of(tmp_path / "Keys")


def test_small_entries_are_normalised_like_others(train, tmp_path, caplog):
    """From the second generation on; in the first nothing is."""
    for name in ("Plain", "Small"):
        assert train(name, "--strategy.learning_rate", "1e-12", directory=name) == 0
    large, small = ([line["return_mean"] for line in metrics_of(tmp_path / name)[1:]] for name in ("Plain", "Small"))
    assert small[0] != pytest.approx(large[0], rel=1e-3)
    assert small[1] == pytest.approx(large[1], rel=1e-4)
    assert not [record for record in caplog.records if "did not vary" in record.message]


def test_entries_that_never_vary_are_named_once(train, caplog):
    assert train("Constant") == 0
    told = [record.message for record in caplog.records if "did not vary" in record.message]
    assert len(told) == 1
    assert "of the 6 entries of an observation, 1-3, 5 did not vary" in told[0]


def test_entries_that_never_vary_are_named_after_a_warm_up_too(train, caplog):
    assert train("Constant", "--task.warmup_episodes", "2") == 0
    assert [r.message for r in caplog.records if "1-3, 5 did not vary in the first generation" in r.message]


def test_an_environment_that_no_seed_repeats_is_warned_of_once(train, caplog):
    assert train("Plain", directory="plain") == 0
    assert train("Chance", "--run.restarts", "2", "--run.restart-generations", "1", directory="chance") == 0
    told = [r.message for r in caplog.records if "does not repeat an episode with the same seed" in r.message]
    assert len(told) == 1
    assert told[0].startswith("task.id: odd_environments:Chance-v0 ")


@pytest.mark.parametrize("how", ["by a function", "registered here"])
def test_an_environment_without_a_module_is_warned_of_too(how, caplog):
    if how == "registered here":
        gymnasium.register("ChanceHere-v0", lambda **options: odd_environments.Chance(**options))
    task = "ChanceHere-v0" if how == "registered here" else lambda: odd_environments.Chance()
    odes_rl.train(task, policy="linear", rollouts="serial", run={"generations": 1}, max_steps=5)
    assert "does not repeat an episode with the same seed" in caplog.text


@pytest.mark.parametrize("task", ["Hopper-v5", "dm_control/cheetah-run-v0"])
def test_the_suites_episodes_are_not_played_twice(task):
    assert find_task(task) == task
    assert is_built_in(task)


def test_ranges_of_numbers():
    assert ranges([0, 2, 3, 4, 7, 8]) == "0, 2-4, 7-8"


@pytest.mark.parametrize("name", ["DoubleBounds", "Integers"])
def test_actions_lie_in_the_environments_own_space(train, name):
    assert train(name, "--strategy.sigma", "1e4", "--run.generations", "1") == 0


@pytest.mark.slow
def test_actions_from_a_device_lie_in_the_environments_own_space(train, tmp_path):
    device = ("--rollouts.inference", "device", "--rollouts.lanes", "2")
    assert train("DoubleBounds", "--strategy.sigma", "1e4", *device, backend=PROCESSES) == 0
    assert main(["evaluate", str(tmp_path / "run"), "--episodes", "1"]) == 0


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("Empty", ("no entries in its observations", "at least one")),
        ("Image", ("observes images (eye/left uint8 [8, 8, 3])", "vector observations")),
        ("FloatImage", ("observes images (float32 [84, 84])", "vector observations")),
        ("Matrix", ("observes images (float64 [16, 17])", "add FlattenObservation to task.wrappers")),
        ("Spaceless", ("Spaceless", "None")),
        ("NoSeed", ("old interface", "reset of NoSeed takes no seed", "seed=None")),
        ("NoOptions", ("old interface", "reset of NoOptions takes no options", "options=None")),
        ("dm_control/lift_brick_vision-v0", ("dm_control/lift_brick_vision-v0 observes images",)),
    ],
)
def test_what_no_policy_suits_is_refused_before_anything_is_built(train, capsys, tmp_path, task, words):
    assert_refused(train(task, backend=PROCESSES), capsys, *words)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "backend", "words"),
    [
        ("OldStep", SERIAL, "four values; Gymnasium's returns (observation, reward, terminated, truncated, info)"),
        ("Limited", PROCESSES, "step returned four values"),  # a wrapper of Gymnasium's unpacks them
        ("OldReset", PROCESSES, "reset returned a ndarray; Gymnasium's is def reset(self, *, seed=None, options=None)"),
    ],
)
def test_an_old_interface_is_named_in_one_line(train, capsys, name, backend, words):
    assert_refused(train(name, backend=backend), capsys, "the old interface", words)


@pytest.mark.parametrize("backend", [SERIAL, PROCESSES])
def test_an_end_that_is_no_truth_value_is_told_with_the_task_and_the_seed(train, capsys, backend):
    assert train("Batched", backend=backend) == 1
    error = capsys.readouterr().err
    assert error.startswith("odd_environments:Batched-v0 raised in an episode with seed ")
    assert "The truth value of an array" in error


def test_an_environment_that_raises_as_it_is_made_is_told_with_its_traceback(train, capsys):
    assert train("MakingFails") == 1
    error = capsys.readouterr().err
    assert error.startswith("odd_environments:MakingFails-v0 raised an exception in its creation:\nTraceback")
    assert "odd_environments.py" in error


def test_evaluations_tell_the_mean_of_the_episodes_that_did_not_fail(train, tmp_path, capsys):
    assert train("SometimesNaN", "--run.evaluation_episodes", "16") == 0
    told = capsys.readouterr().out
    lines = metrics_of(tmp_path / "run")
    (failed,) = {line["evaluation_failed"] for line in lines}
    assert 0 < failed < 16
    assert f"{failed} of its episodes failed" in told
    assert f"{failed} failed episodes left out" in told
    assert all(line["evaluation_score"] < line["evaluation_return_mean"] < 0 for line in lines)
    best = max(lines, key=lambda line: line["evaluation_score"])
    assert (tmp_path / "run" / "checkpoints" / "best" / f"{best['generation']:08d}.0").exists()
    assert main(["evaluate", str(tmp_path / "run"), "--episodes", "40"]) == 0
    assert "failed (not in the statistics): " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["SometimesNaN", "SometimesVast"])
def test_an_episode_that_fails_leaves_later_ones_alone(train, tmp_path, name):
    assert train(name, "--strategy.population", "32", "--run.generations", "3") == 0
    lines = metrics_of(tmp_path / "run")[1:]
    assert all(0 < line["failed_candidates"] < 32 for line in lines)
    assert all(np.isfinite(line["return_mean"]) and line["update_norm"] > 0 for line in lines)
    assert all(0 < line["evaluation_return_std"] < np.inf for line in lines)


def test_boards_and_matrices_that_are_flattened_are_no_pictures(train):
    assert train("Board") == 0
    assert train("Matrix", "--task.wrappers", "FlattenObservation", directory="other") == 0


def test_a_run_whose_every_episode_fails_says_so_and_ends_with_an_error(train, tmp_path, capsys, caplog):
    assert train("AlwaysNaN", "--run.failing_generations", "2", "--run.generations", "50") == 1
    assert [line["generation"] for line in metrics_of(tmp_path / "run")] == [0, 1, 2]
    assert "every candidate failed" in capsys.readouterr().err
    assert len([record for record in caplog.records if "generation 1: every candidate failed" in record.message]) == 1
    more = ("--run.generations", "4", "--run.failing_generations", "none")
    assert main(["resume", str(tmp_path / "run"), *more]) == 1
    assert "all 4 generations" in capsys.readouterr().err
    assert metrics_of(tmp_path / "run")[-1]["generation"] == 4


def test_an_environment_without_an_end_is_warned_of(train, caplog):
    assert train("NoEnd", "--task.max_steps", "5") == 0
    assert "sets no limit on the length" not in caplog.text
    assert train("Plain", directory="other") == 0  # it ends by itself, which nobody can know
    assert caplog.text.count("odd_environments:Plain-v0 sets no limit on the length") == 1
    assert "--task.max-steps" in caplog.text


@pytest.mark.parametrize("task", ["Hopper-v5", "dm_control/cheetah-run-v0"])
def test_tasks_that_end_are_not_warned_of(task):
    from odes_rl.rollouts.environments import describe_task

    assert describe_task(task).limit is not None
    assert describe_task("dm_control/lqr-lqr_2_1-v0").limit is None


@pytest.mark.parametrize("backend", [SERIAL, PROCESSES])
def test_steps_are_told_while_no_episode_ends(train, backend, caplog, monkeypatch):
    monkeypatch.setattr(patience, "SECONDS", 0.05)
    few = ("--run.evaluation_episodes", "1", "--run.generations", "1", "--strategy.population", "2")
    assert train("NoEnd", "--task.max_steps", "8000", *few, backend=backend) == 0
    told = [record.getMessage() for record in caplog.records if "no episode has ended" in record.message]
    assert "odd_environments:NoEnd-v0: no episode has ended for 0.05 s; 1 are running, with " in "".join(told)
    assert all(("may still be compiled" in line) == ("with 0 environment steps" in line) for line in told[:1])
    waited = [re.search(r"ended for ([\d.]+) s", line)[1] for line in told]  # type: ignore[index]
    assert all(b in (0.05, 2 * a) for a, b in pairwise(map(float, waited)))  # anew in each episode


@pytest.mark.parametrize("backend", [SERIAL, PROCESSES])
def test_the_environments_of_all_lanes_are_closed(train, tmp_path, backend):
    """Further ones are made and closed to describe the task, whatever the number of lanes."""
    for lanes in ("1", "3"):
        options = ("--task.options.file", str(tmp_path / f"closed_{lanes}"), "--rollouts.lanes", lanes)
        assert train("TellsOfClose", "--task.max_steps", "9", *options, backend=backend, directory=lanes) == 0
    few, many = ((tmp_path / f"closed_{lanes}").read_text().count("closed") for lanes in "13")
    assert many - few == 2


def test_a_close_that_raises_is_a_warning(train, tmp_path, caplog):
    assert train("CloseFails") == 0
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING and "close went wrong" in r.message]) == 1
    assert main(["evaluate", str(tmp_path / "run"), "--episodes", "1"]) == 0


def test_a_task_of_this_process_alone_is_refused_where_others_would_run_it(train, capsys, tmp_path):
    gymnasium.register("Mine-v0", entry_point=odd_environments.Plain)  # type: ignore[arg-type]
    try:
        config = tmp_path / "mine.yaml"
        config.write_text("task: {id: Mine-v0}\n")
        command = ["train", str(config), *TINY, "--run.directory", str(tmp_path / "run")]
        words = ("'Mine-v0' is registered only in this process", "my_module:Mine-v0", "PYTHONPATH")
        assert_refused(main([*command, *PROCESSES]), capsys, *words)
        assert not (tmp_path / "run").exists()
        assert main([*command, *SERIAL]) == 0
    finally:
        gymnasium.registry.pop("Mine-v0")


@pytest.mark.parametrize("name", ["MyPendulum-v0", "Pendulum-v1"])
def test_a_task_that_this_process_registers_its_own_way_is_refused_where_others_would_run_it(name, monkeypatch):
    """With one of Gymnasium's classes, under a new id or an old one."""
    monkeypatch.setattr(gymnasium, "registry", gymnasium.registry.copy())
    monkeypatch.setattr("gymnasium.envs.registration.registry", gymnasium.registry)
    check_known_elsewhere("Pendulum-v1")
    maker = "gymnasium.envs.classic_control.pendulum:PendulumEnv"
    with warnings.catch_warnings(action="ignore"):  # Gymnasium's, of an id that is taken
        gymnasium.register(name, maker, max_episode_steps=50, kwargs={"g": 3.0})
    with pytest.raises(UserError, match=f"'{name}' is registered only in this process, or otherwise than in worker"):
        check_known_elsewhere(name)


@pytest.mark.parametrize(("end", "status"), [("print('done'); return 3", 3), ("raise RuntimeError('wrong')", 1)])
def test_a_process_leaves_whatever_threads_are_left(end, status):
    """As workers do; in the process of the tests such threads would keep them."""
    code = (
        "import threading, time\n"
        "from odes_rl.interrupts import leave_after\n"
        f"def main(): {end}\n"
        "threading.Thread(target=time.sleep, args=(1e6,)).start()\n"
        "leave_after(main)\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert process.returncode == status
    assert process.stdout == "done\n" or "RuntimeError: wrong" in process.stderr


def test_threads_of_an_environment_do_not_keep_the_program(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("task: {id: 'odd_environments:Threads-v0'}\n")
    command = [sys.executable, "-m", "odes_rl", "train", str(config), *TINY, *SERIAL]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run([*command, "--run.directory", str(tmp_path / "run")], env=environment, timeout=60)
    assert process.returncode == 0
    assert np.isfinite(metrics_of(tmp_path / "run")[-1]["evaluation_return_mean"])
