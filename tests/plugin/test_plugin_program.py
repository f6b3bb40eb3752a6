"""The installed example package, used by the real program: trained, killed, resumed, filmed, compared, taken away."""

import ctypes.util
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

TINY: dict[str, Any] = {
    "task": {"id": "odes_rl_example.reach:Reach-v0", "max_steps": 8},
    "policy": {"name": "sines", "hidden": 4, "layers": 2, "turn": 0.5},
    "strategy": {"population": 4},
    "rollouts": {"backend": "processes", "workers": 2},
    "run": {"generations": 100, "evaluate_every": 50, "evaluation_episodes": 2, "checkpoint_every": 10},
}
"""Policy, trajectory, manifold, act rule and environment of the package; several seconds' worth of generations."""
COMPARISON: dict[str, Any] = {
    "env_steps": 400,
    "seeds": 1,
    "base": {"task": {"max_steps": 8}, "strategy": {"population": 4}, "run": {"evaluation_episodes": 2}},
    "tasks": {"Reach": {"task": {"id": "odes_rl_example.reach:Reach-v0"}}},
    "policies": {
        "sines": {"policy": {"hidden": 4, "layers": 2}},
        "geodesic": {"policy": {"name": "trajectory_flow", "trajectory": "geodesic", "hidden": 4, "steps": 2}},
        "linear": None,
    },
}
TIMES = ("wall_seconds", "env_steps_per_second", "worker_restarts")


def timeless(run: Path) -> list[dict[str, Any]]:
    """The run's metrics without what depends on the clock or on luck."""
    lines = map(json.loads, (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    return [{name: value for name, value in line.items() if name not in TIMES} for line in lines]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The directory in which the program is called."""
    directory = tmp_path_factory.mktemp("here")
    (directory / "tiny.yaml").write_text(yaml.safe_dump(TINY), encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def calm(installed, here):
    """A run that nothing disturbed, with two workers; its metrics."""
    installed.run(here, "train", "tiny.yaml", "--run.directory", "calm")
    lines = timeless(here / "calm")
    assert len(lines) == 1 + TINY["run"]["generations"]
    assert lines[-1]["update_norm"] > 0
    return lines


def test_a_killed_run_that_is_resumed_has_the_bits_of_a_calm_one(installed, here, calm):
    metrics = here / "killed" / "metrics.jsonl"
    with installed.start(here, "train", "tiny.yaml", "--run.directory", "killed") as process:
        deadline = time.monotonic() + 120
        while not metrics.exists() or metrics.read_bytes().count(b"\n") < 25:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
    assert len(timeless(here / "killed")) < len(calm)
    installed.run(here, "resume", "killed")
    assert timeless(here / "killed") == calm


@pytest.mark.slow
def test_the_packages_backend_gives_the_bits_of_processes(installed, here, calm):
    options = ("--rollouts.backend", "threads", "--run.directory", "threads")
    installed.run(here, "train", "tiny.yaml", *options)
    assert timeless(here / "threads") == calm
    (launch,) = (here / "threads/launches.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(launch)["backend"] == "threads"


@pytest.mark.slow
def test_a_ray_cluster_gives_the_bits_of_processes(installed, here, calm):
    options = ("--rollouts.backend", "ray", "--rollouts.address", "local", "--run.directory", "ray")
    installed.run(here, "train", "tiny.yaml", *options)
    assert timeless(here / "ray") == calm


def test_a_run_is_evaluated_inspected_plotted_and_filmed(installed, here, calm):
    films = [("odes-rl", ["evaluate", "calm", "--episodes", "1", "--video", "film.gif"])]
    commands = [("odes-rl", ["evaluate", "calm"]), ("odes-rl", ["inspect", "calm"]), ("odes-rl", ["plot", "calm"])]
    answers = installed.steps(here, [*commands, *(films if ctypes.util.find_library("EGL") else [])])
    assert [status for status, _ in answers] == [0] * len(answers), answers
    assert "8 steps an episode" in answers[0][1]
    assert (here / "calm/inspection.png").is_file()
    assert (here / "curves.png").is_file()
    if len(answers) > len(commands):
        assert "film.gif: an episode with return" in answers[-1][1]
        assert (here / "film.gif").read_bytes()[:3] == b"GIF"


@pytest.mark.slow
def test_its_policies_are_compared_with_a_built_in_one(installed, here):
    (here / "comparison.yaml").write_text(yaml.safe_dump(COMPARISON, sort_keys=False), encoding="utf-8")
    installed.run(here, "compare", "comparison.yaml", "--directory", "comparison", "--jobs", "1")
    table = (here / "comparison/table.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[1] for line in table[1:]] == list(COMPARISON["policies"])


def test_lists_and_help_show_the_package_and_its_study_runs(installed, here):
    (here / "study.yaml").write_text("{study: orthogonality, hidden: 3, turns: [1]}", encoding="utf-8")
    parts = {
        "policies": "sines",
        "trajectories": "geodesic",
        "act_rules": "sines",
        "backends": "threads",
        "studies": "orthogonality",
    }
    steps: list[Any] = [("odes-rl", ["list", what]) for what in parts]
    steps += [("odes-rl", ["train", "--task.id", "Pendulum-v1", "--policy.name", "sines", "--help"])]
    steps += [("odes-rl", ["study", "study.yaml", "--directory", "study"])]
    *lists, (status, shown), (finished, told) = installed.steps(here, steps)
    for name, (code, printed) in zip(parts.values(), lists, strict=True):
        (line,) = [line for line in printed.splitlines() if "[odes-rl-example]" in line]
        assert (code, line.split()[0]) == (0, name)
    assert status == 0
    assert "--policy.turn" in shown
    assert "Speed of the weights at the start" in " ".join(shown.replace("│", " ").split())
    assert finished == 0
    assert "turn 1: " in told
    assert (here / "study/picture.png").is_file()


def test_without_the_package_its_runs_are_one_line_and_others_train(installed, here, calm):
    """What its act rule left in numba's cache is no hindrance."""
    listing = ("sh", "find . | sort")
    refused = [("odes-rl", [name, "calm"]) for name in ("resume", "evaluate", "inspect")]
    default = ["train", "--task.id", "Pendulum-v1", "--task.max_steps", "3", "--policy.hidden", "4"]
    default += ["--strategy.population", "2", "--run.generations", "1", "--run.evaluation_episodes", "1"]
    default += ["--rollouts.backend", "serial", "--run.directory", "default"]
    steps = [listing, *refused, listing, ("odes-rl", ["plot", "calm", "--output", "left"]), ("odes-rl", default)]
    with installed.without_the_example():
        before, *told, after, plotted, trained = installed.steps(here, steps)
    for status, line in told:
        assert (status, line.count("\n")) == (2, 1), line
        assert "sines" in line
    assert after == before
    assert plotted[0] == trained[0] == 0, trained
    assert (here / "left.png").is_file()
    assert len(timeless(here / "default")) == 2
