"""Searches that really train: disturbed ones end like undisturbed ones, and two processes share one."""

import csv
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from odes_rl.cli.program import main
from odes_rl.config.layering import layer_values, load_config
from odes_rl.search.config import load_search
from odes_rl.search.results import essence
from odes_rl.search.storage import next_trial
from odes_rl.search.trial import score_at_parts
from tests.search.searching import TINY, Signalling, came_to, read_search, write_search

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The file of a search that nothing disturbed."""
    path = write_search(tmp_path_factory.mktemp("whole") / "tiny.yaml")
    assert main(["search", str(path)]) == 0
    return path


def run(command: list[str], **options) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "odes_rl", *command]
    return subprocess.Popen(
        line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )


def test_every_trial_is_told_and_is_a_run_and_some_end_early(whole):
    trials = came_to(whole)
    states = [state for state, *_ in trials]
    assert len(trials) == TINY["trials"]
    assert set(states) == {"COMPLETE", "PRUNED"}
    for number, (state, _, params, reports) in enumerate(trials):
        config = load_config(whole.parent / f"out/trial_{number:03d}/seed_1000/config.yaml")
        assert config.strategy.sigma == params["strategy.sigma"]
        assert (list(reports) == [2, 3, 4, 5, 6, 7, 8, 9]) == (state == "COMPLETE")  # at 1 nothing is trained


def test_it_ends_in_a_table_and_a_config_that_trains(whole, tmp_path, capsys):
    completed = [(value, params) for state, value, params, _ in came_to(whole) if state == "COMPLETE"]
    value, params = max(completed, key=lambda trial: trial[0])
    rows = list(csv.DictReader((whole.parent / "out/trials.csv").read_text().splitlines()))
    assert len(rows) == TINY["trials"]
    assert float(rows[0]["value"]) == value
    assert {name: str(params[name]) for name in params} == {name: rows[0][name] for name in params}
    best = whole.parent / "out/best.yaml"
    assert len(best.read_text().splitlines()) < 25
    config = load_config(best)
    assert (config.run.directory, config.run.seed, config.strategy.sigma) == ("runs/best", 0, params["strategy.sigma"])
    again = ["train", str(best), "--run.directory", str(tmp_path / "run"), "--run.seed", "1000"]
    assert main(again) == 0
    scores = [line.split("return ")[1] for line in capsys.readouterr().out.splitlines() if "evaluation at" in line]
    assert len(scores) == 2


def test_what_is_done_is_not_run_again_and_more_trials_may_follow(whole, tmp_path, capsys):
    before = {path: path.stat().st_mtime_ns for path in whole.parent.rglob("seed_*/**/*")}
    assert main(["search", str(whole)]) == 0
    assert {path: path.stat().st_mtime_ns for path in whole.parent.rglob("seed_*/**/*")} == before
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["trial", "value", "sigma", "learning_rate", "shaping", "state"]
    path = write_search(tmp_path / "tiny.yaml", trials=1)
    assert main(["search", str(path)]) == 0
    assert main(["search", str(path), "--trials", "2"]) == 0
    assert came_to(path) == came_to(whole)[:2]


def test_interrupted_in_the_middle_of_a_trial_it_goes_on_to_the_same_end(whole, tmp_path, capsys):
    path = write_search(tmp_path / "tiny.yaml")
    Signalling.steps_left = 400
    try:
        assert main(["search", str(path)]) == 130
    finally:
        Signalling.steps_left = None
    assert "resume with the same command" in capsys.readouterr().err
    *ended, last = came_to(path)
    assert ended
    assert last[0] == "RUNNING"
    assert main(["search", str(path)]) == 0
    assert came_to(path) == came_to(whole)
    assert (path.parent / "out/best.yaml").read_text() == (whole.parent / "out/best.yaml").read_text()


def test_an_unfinished_trial_takes_over_options_that_change_no_result(tmp_path):
    path = write_search(tmp_path / "tiny.yaml", trials=1)
    Signalling.steps_left = 60
    try:
        assert main(["search", str(path)]) == 130
    finally:
        Signalling.steps_left = None
    recorded = tmp_path / "out/trial_000/seed_1000/config.yaml"
    assert load_config(recorded).run.checkpoint_every == 2
    base = TINY["base"] | {"run": TINY["base"]["run"] | {"checkpoint_every": 1}}
    assert main(["search", str(write_search(path, trials=1, base=base))]) == 0
    assert load_config(recorded).run.checkpoint_every == 1


def test_the_untrained_policy_is_not_judged():
    lines = [
        {"generation": 0, "env_steps": 0, "evaluation_score": 9.0},
        {"generation": 1, "env_steps": 20},
        {"generation": 2, "env_steps": 35, "evaluation_score": None},
        {"generation": 3, "env_steps": 50, "evaluation_score": 7.0},
    ]
    assert score_at_parts(lines, 100) == {4: pytest.approx(math.nan, nan_ok=True), 5: 7.0}


def test_a_trial_is_one_processs_and_what_one_leaves_behind_is_taken_over(tmp_path):
    search, study = read_search(write_search(tmp_path / "tiny.yaml"))
    with next_trial(search, study) as first, next_trial(search, study) as second:
        assert first is not None
        assert second is not None
        assert (first.number, second.number) == (0, 1)
        assert first.params != second.params
    with next_trial(search, study) as again:
        assert again is not None
        assert (again.number, again.params) == (0, first.params)
    assert len(study.trials) == 2


def test_a_trial_has_a_run_for_each_seed_and_its_value_is_their_mean(tmp_path):
    path = write_search(tmp_path / "tiny.yaml", trials=1, seeds=[3, 4], objective="last", env_steps=60)
    assert main(["search", str(path)]) == 0
    runs = sorted((tmp_path / "out/trial_000").glob("seed_*"))
    assert [run.name for run in runs] == ["seed_3", "seed_4"]
    lines = [yaml.safe_load((run / "metrics.jsonl").read_text().splitlines()[-1]) for run in runs]
    assert came_to(path)[0][1] == pytest.approx(sum(line["evaluation_score"] for line in lines) / 2)


def test_a_grid_has_each_combination_once_and_a_failing_one_fails_alone(tmp_path, capsys):
    space = {"strategy.antithetic": [True, False], "strategy.shaping": ["top_k", "none"]}
    base = {**TINY["base"], "strategy": {"top_k": 1, "shaping": "none"}}  # with which each value alone is possible
    path = write_search(tmp_path / "tiny.yaml", space=space, base=base, sampler="grid", pruner="none", env_steps=20)
    assert main(["search", str(path)]) == 0
    trials = came_to(path)
    assert len({str(params) for _, _, params, _ in trials}) == 4
    assert [state for state, *_ in trials].count("FAIL") == 1
    assert "failed: shaping top_k compares" in capsys.readouterr().out.replace("strategy: ", "")


def test_a_trial_whose_own_part_raises_fails_alone_with_its_traceback(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    space = {"strategy.shaping": ["broken_parts:SHAPING", "none"]}
    base = {**TINY["base"], "strategy": {"shaping": "none"}}
    path = write_search(tmp_path / "tiny.yaml", space=space, base=base, sampler="grid", pruner="none", env_steps=20)
    assert main(["search", str(path)]) == 0
    assert sorted(state for state, *_ in came_to(path)) == ["COMPLETE", "FAIL"]
    assert "failed: TypeError: this shaping is broken" in capsys.readouterr().out
    (log,) = tmp_path.rglob("failure.log")
    assert "broken_parts.py" in log.read_text()


def wait_for(directory: Path, trials: int, process: subprocess.Popen) -> None:
    """Until that trial has some generations."""
    metrics = directory / f"trial_{trials:03d}/seed_1000/metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (metrics.exists() and metrics.read_bytes().count(b"\n") > 3):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        time.sleep(0.01)


@pytest.mark.slow
def test_killed_half_way_it_goes_on_to_the_same_end(tmp_path):
    paths = []
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        paths.append(write_search(tmp_path / name / "tiny.yaml", trials=8, startup_trials=3, env_steps=400))
    whole, killed = paths
    assert main(["search", str(whole)]) == 0
    for trial in (2, 4):
        process = run(["search", str(killed)])
        wait_for(killed.parent / "out", trial, process)
        process.kill()
        process.communicate()
    assert len([state for state, *_ in came_to(killed) if state != "RUNNING"]) in (4, 5)
    assert main(["search", str(killed)]) == 0
    assert came_to(killed) == came_to(whole)
    assert len(came_to(whole)) == 8
    assert (killed.parent / "out/best.yaml").read_text() == (whole.parent / "out/best.yaml").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [["--workers", "2"], []])
def test_two_processes_share_a_search_and_run_nothing_twice(tmp_path, workers):
    path = write_search(tmp_path / "tiny.yaml", trials=10, env_steps=1000)
    processes = [run(["search", str(path), *workers]) for _ in range(1 if workers else 2)]
    outputs = [process.communicate(timeout=200)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), outputs
    told = [line.split(" (")[0] for output in outputs for line in output.splitlines() if " (sigma" in line]
    assert sorted(told) == [f"trial {number}" for number in range(10)]
    assert all(state in ("COMPLETE", "PRUNED") for state, *_ in came_to(path))
    launches = [path.read_text().count("\n") for path in tmp_path.rglob("launches.jsonl")]
    assert launches == [1] * 10


@pytest.mark.slow
def test_ctrl_c_ends_all_processes_with_a_checkpoint(tmp_path):
    path = write_search(tmp_path / "tiny.yaml", env_steps=20000)
    process = run(["search", str(path), "--workers", "2"])
    wait_for(tmp_path / "out", 1, process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    running = [number for number, (state, *_) in enumerate(came_to(path)) if state == "RUNNING"]
    assert running
    for number in running:
        assert any((tmp_path / f"out/trial_{number:03d}/seed_1000/checkpoints").iterdir())


def test_the_best_config_has_all_options_where_some_alone_would_not_go_with_the_preset(tmp_path):
    base = TINY["base"] | {"strategy": {"preset": "ars", "population": 32}}
    space = {"strategy.top_k": [4, 8]}
    search = load_search(write_search(tmp_path / "search.yaml", base=base, space=space), {}, {})
    config = search.trial_config({"strategy.top_k": 8}, {})
    changes = {"run.seed": config.run.seed, "run.directory": config.run.directory}
    assert layer_values(essence(config), changes, default_directory="x") == config
