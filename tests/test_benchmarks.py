"""The benchmarks, at sizes that say nothing but that they run and compare like with like."""

import importlib
import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odes_rl.rollouts.board import layout_of
from odes_rl.rollouts.environments import make_environment
from odes_rl.rollouts.episodes import Lane
from odes_rl.rollouts.protocol import EpisodeSettings, Moments

BENCHMARKS = Path(__file__).parents[1] / "scripts/benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def benchmark(name: str) -> Any:
    return importlib.import_module(name)


def run(script: str, output: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    """The JSON's results and the standard output of a benchmark."""
    command = [sys.executable, BENCHMARKS / script, *arguments, "--output", output]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(output.read_text())
    assert report["machine"]["cores"] >= 1
    return report["results"], done.stdout


def recorded(task: str, max_steps: int) -> list[Any]:
    """Two episodes of a linear policy whose actions are far from 0."""
    lane = Lane(EpisodeSettings(task, max_steps, "linear", "clip"))
    n, m = lane.task.observation_size, lane.task.action_size
    weights = (np.random.default_rng(0).normal(size=(2, m, n)).astype(np.float32),)
    seeds = np.array([[1], [2]])
    layout = layout_of(weights, Moments.empty(n), seeds)
    board = layout.place(bytearray(layout.size()))
    board.post(weights, Moments.empty(n), seeds)
    return benchmark("recording").record_episodes(lane, board)


@pytest.mark.parametrize(
    "task", ["HalfCheetah-v5", "Humanoid-v5", "dm_control/cheetah-run-v0", "dm_control/humanoid-stand-v0"]
)
def test_the_physics_replay_is_bitwise_the_environments_motion(task):
    replay, recording = benchmark("replay"), benchmark("recording")
    episodes = recorded(task, max_steps=15)
    assert len(episodes) == 2
    assert not np.array_equal(episodes[0].last, episodes[1].last)
    environment = make_environment(task)
    environment.reset(seed=7)
    for episode in episodes:
        replay.physics_alone(environment, [episode])
        assert np.array_equal(recording.physics_of(environment).state(), episode.last)


def test_shares_are_even_in_steps_and_leave_no_episode_out():
    replay, recording = benchmark("replay"), benchmark("recording")
    lengths = [3, 100, 7, 5, 60, 50]
    episodes = [recording.Episode(seed, np.zeros(1), np.zeros((n, 1)), np.zeros(1)) for seed, n in enumerate(lengths)]
    shares = replay.shares_of(episodes, 2)
    assert sorted(episode.seed for share in shares for episode in share) == list(range(len(lengths)))
    assert {recording.steps_of(share) for share in shares} == {112, 113}


def test_contestants_take_turns_and_the_first_round_does_not_count():
    called = []

    def contestant(name: str, rates: list[float]) -> Any:
        return lambda: called.append(name) or rates.pop(0)

    contestants = {"a": contestant("a", [1.0, 2.0, 3.0]), "b": contestant("b", [9.0, 5.0, 7.0])}
    rates = benchmark("measuring").in_turn(contestants, 2, "task")
    assert called == ["a", "b"] * 3
    assert rates == {"a": [2.0, 3.0], "b": [5.0, 7.0]}


def test_every_backend_of_the_configuration_is_a_variant():
    names = [variant.name for variant in benchmark("variants").variants()]
    assert set(names) == {"serial", "processes", "ray", "envpool", "device"}
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_ours_runs_the_recorded_episodes_and_accounts_for_all_of_a_generation(tmp_path, monkeypatch):
    ours, variants = benchmark("ours"), benchmark("variants")
    monkeypatch.setattr(variants, "_NEEDS", {"processes": ("no_such_module",)})
    trainer = ours.Trainer(ours.Setting("Hopper-v5", 40, 4, 4), str(tmp_path))
    lengths = sorted(len(episode.actions) for episode in trainer.record_episodes())
    with ExitStack() as stack:
        opened, notes = variants.open_variants(["serial", "processes"], trainer, 1, stack)
        assert notes == ["processes left out: no_such_module not installed"]
        generations = opened["serial"]
        phases = [generations.run(), generations.run()]
        assert generations.lengths() == lengths
        assert generations.rate(0.0) > 0
    assert {one.steps for one in phases} == {sum(lengths)}
    assert min(min(one) for one in phases) > 0
    assert 0 < generations.outside[0] < 1


def test_a_summary_has_the_ratios_of_the_best_backend():
    rates = {"physics": [100.0, 120.0, 80.0], "serial": [30.0] * 3, "processes": [50.0, 60.0, 70.0], "ARS": [20.0] * 3}
    summary = benchmark("throughput").summary(rates, {"serial": 0.5, "processes": 0.25}, ["ARS"], act=1e-6)
    assert summary["best"] == "processes"
    assert summary["rates"] == {"physics": 100.0, "serial": 30.0, "processes": 60.0, "ARS": 20.0}
    assert summary["best_over"]["ARS"] == pytest.approx(3.0)
    assert summary["rollouts_over_physics"] == pytest.approx(0.8)
    assert summary["physics_over_fastest_peer"] == pytest.approx(5.0)


def test_workers_are_counted_in_doubles_up_to_all_cores():
    worker_counts = benchmark("scaling").worker_counts
    assert [worker_counts(cores) for cores in (1, 2, 6, 8)] == [[1], [1, 2], [1, 2, 4, 6], [1, 2, 4, 8]]


def test_a_full_length_episode_goes_on_after_the_fall():
    lengths = []
    for task in ("Humanoid-v5", benchmark("full_length").HUMANOID):
        environment = make_environment(task, 120)
        environment.reset(seed=0)
        over = (False, False)
        length = 0
        while not any(over):
            _, _, *over, _ = environment.step(np.zeros(17, np.float32))
            length += 1
        lengths.append(length)
    assert lengths[0] < lengths[1] == 120


@pytest.mark.slow
def test_throughput_measures_every_figure(tmp_path):
    arguments = ["--quick", "--tasks", "Hopper-v5", "--hidden", "4", "--backends", "serial", "--peers"]
    results, printed = run("throughput.py", tmp_path / "throughput.json", *arguments)
    figures = results["Hopper-v5"]
    assert set(figures["rates"]) == {"physics", "bare loop", "serial"}
    assert min(figures["rates"].values()) > 0
    assert 0 < figures["outside"] < 1
    assert 0 < figures["act_share"] < 1
    assert not figures["notes"]
    assert printed.count("| Hopper-v5 |") == 2


@pytest.mark.slow
def test_the_peers_run_beside_ours(tmp_path):
    for module in ("sb3_contrib", "evotorch", "ray"):
        pytest.importorskip(module)
    arguments = ["--quick", "--tasks", "dm_control/cheetah-run-v0", "--backends", "processes", "--no-fastest"]
    results, printed = run("throughput.py", tmp_path / "throughput.json", *arguments)
    figures = results["dm_control/cheetah-run-v0"]
    peers = {"ARS", "GymNE", "ARS, normalising", "GymNE, normalising"}
    assert set(figures["rates"]) == peers | {"physics", "bare loop", "processes"}
    assert min(figures["rates"].values()) > 0
    assert printed.count("| dm_control/cheetah-run-v0 |") == 3


@pytest.mark.slow
def test_outside_measures_both_kinds_of_generation(tmp_path):
    results, _ = run("throughput.py", tmp_path / "outside.json", "--outside", "--quick", "--hidden", "4")
    assert set(results) == {"early falls", "full length"}
    assert all(0 < row["outside"] < 1 for row in results.values())
    assert results["full length"]["steps_an_episode"] == 25


@pytest.mark.slow
def test_stepping_measures_native_steps_beside_the_physics(tmp_path):
    results, printed = run("throughput.py", tmp_path / "stepping.json", "--stepping", "--quick", "--hidden", "4")
    assert list(results) == ["Reacher-v5", "dm_control/pendulum-swingup-v0"]
    for task, figures in results.items():
        assert set(figures["rates"]) == {"physics", "own step", "native", "resets"}
        assert figures["native_over_own"] > 0 < figures["act_share"] < 1
        assert f"| {task} |" in printed


@pytest.mark.slow
def test_scaling_measures_workers_and_lanes(tmp_path):
    results, printed = run("scaling.py", tmp_path / "scaling.json", "--quick", "--tasks", "Hopper-v5", "--workers", "2")
    figures = results["Hopper-v5"]
    assert list(figures["workers"]) == list(figures["physics"]) == ["1", "2"]
    assert figures["workers_over_one"]["1"] == 1
    assert list(figures["lanes"]) == ["1", "2", "4", "8"]
    assert "| Hopper-v5 | 2 |" in printed
