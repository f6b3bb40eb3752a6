"""Comparisons that really train: interrupted and killed ones end like undisturbed ones, and failures stay alone."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from odes_rl.cli.program import main
from odes_rl.config.layering import load_config
from tests.comparisons import TINY, write_comparison

TIMES = ("wall_seconds", "env_steps_per_second", "worker_restarts")
FAULTY = {
    "env_steps": 200,
    "base": {"strategy": {"population": 4}},
    "tasks": {
        "faulty_environments:Walk-v0": {"only": ["linear"]},
        "faulty_environments:SometimesRaises-v0": {"only": ["linear"]},
        "Pendulum-v1": {"only": ["broken"]},
    },
    "policies": {
        "linear": None,
        "broken": {"policy": {"name": "linear"}, "strategy": {"shaping": "broken_parts:SHAPING"}},
    },
}


def timeless(directory: Path) -> dict[str, list[dict]]:
    """The metrics of every cell, without what depends on the clock."""
    return {
        str(path.relative_to(directory)): [
            {name: value for name, value in json.loads(line).items() if name not in TIMES}
            for line in path.read_text().splitlines()
        ]
        for path in sorted(directory.glob("*/*/seed_*/metrics.jsonl"))
    }


def report(directory: Path) -> tuple[bytes, bytes, list[dict]]:
    """Both pictures, and the table without its speeds."""
    rows = list(csv.DictReader((directory / "table.csv").read_text().splitlines()))
    table = [{k: v for k, v in row.items() if k not in TIMES} for row in rows]
    return (directory / "curves.png").read_bytes(), (directory / "interquartile.png").read_bytes(), table


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A comparison's directory that nothing disturbed, one cell after the other, of which the last was chosen first."""
    directory = tmp_path_factory.mktemp("whole")
    config = write_comparison(directory / "tiny.yaml", directory=str(directory / "out"))
    assert main(["compare", str(config), "--only", "linear", "Hopper-v5"]) == 0
    assert [path.name for path in (directory / "out" / "Hopper-v5").iterdir()] == ["linear"]
    assert "1 of 2 runs are finished" in (directory / "out" / "table.md").read_text()
    assert main(["compare", str(config), "--jobs", "1"]) == 0
    return directory / "out"


def start(config: Path, background: bool = False) -> subprocess.Popen:
    """The comparison in a process of its own; in the `background` of a script it would ignore Ctrl-C."""
    command = [sys.executable, "-m", "odes_rl", "compare", str(config)]
    if background:
        command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for_generations(directory: Path, count: int, process: subprocess.Popen) -> None:
    """Until all cells together have written `count` lines of metrics."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        if sum(path.read_bytes().count(b"\n") for path in directory.glob("*/*/seed_*/metrics.jsonl")) >= count:
            return
        time.sleep(0.02)
    raise AssertionError(process.stdout.read() if process.stdout and process.poll() is not None else "too slow")


def test_every_cell_is_a_run_and_the_report_is_of_all(whole):
    runs = timeless(whole)
    assert list(runs) == [f"Hopper-v5/{policy}/seed_0/metrics.jsonl" for policy in ("autonomous", "linear")]
    for lines in runs.values():
        assert lines[-2]["env_steps"] < TINY["env_steps"] <= lines[-1]["env_steps"]
    _, _, table = report(whole)
    assert [(row["policy"], row["finished"], row["parameters"]) for row in table] == [
        ("autonomous", "1", "105"),  # 33 of its linear path
        ("linear", "1", "33"),
    ]
    for row, lines in zip(table, runs.values(), strict=True):
        returns = [line["evaluation_return_mean"] for line in lines if "evaluation_return_mean" in line]
        assert float(row["final_mean"]) == pytest.approx(returns[-1])
        assert float(row["best_mean"]) == pytest.approx(max(returns))


def test_what_is_done_is_skipped(whole, capsys):
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("seed_*/**/*")}
    assert main(["compare", str(whole.parent / "tiny.yaml"), "--directory", str(whole)]) == 0
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("seed_*/**/*")} == before
    assert "starts" not in capsys.readouterr().out


HOW = [
    "all killed",
    pytest.param("compare killed", marks=pytest.mark.slow),
    pytest.param("interrupted", marks=pytest.mark.slow),
    pytest.param("terminated", marks=pytest.mark.slow),
    pytest.param("terminated in the background", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("how", HOW)
def test_disturbed_half_way_and_started_again_it_gives_the_same_report(whole, tmp_path, how):
    out = tmp_path / "out"
    config = write_comparison(tmp_path / "tiny.yaml", directory=str(out))
    process = start(config, background="background" in how)
    wait_for_generations(out, 12, process)
    cells = [child for child in psutil.Process(process.pid).children(recursive=True) if child.is_running()]
    assert 1 <= len(cells) <= len(os.sched_getaffinity(0))
    if "killed" not in how:
        number = signal.SIGINT if how == "interrupted" else signal.SIGTERM
        process.send_signal(number)
        output, _ = process.communicate(timeout=50)  # before it would kill cells that do not end
        assert process.returncode == 128 + number, output
        assert "resume with the same command" in output
    else:
        process.kill()
        for cell in cells if how == "all killed" else []:
            cell.kill()
        process.wait()
    if how != "compare killed":  # then the next one starts while they are about to end
        _, alive = psutil.wait_procs(cells, timeout=90)
        assert not alive
    disturbed = timeless(out)
    assert sum(map(len, disturbed.values())) < sum(map(len, timeless(whole).values()))
    assert main(["compare", str(config)]) == 0
    assert not [cell for cell in cells if cell.is_running()]
    assert timeless(out) == timeless(whole)
    assert report(out) == report(whole)


def test_a_cell_that_goes_on_takes_over_options_that_change_no_result(tmp_path):
    def compare(**changes) -> int:
        config = write_comparison(tmp_path / "tiny.yaml", directory=str(tmp_path / "out"), policies=policies, **changes)
        return main(["compare", str(config)])

    policies = {"autonomous": None}
    cell = tmp_path / "out/Hopper-v5/autonomous/seed_0"
    assert compare(env_steps=200) == 0
    assert main(["resume", str(cell), "--run.env-steps", "2000", "--run.generations", "4"]) == 0
    kept = {"checkpoint_every": 3, "evaluate_every": 10, "evaluation_episodes": 2}
    assert compare(env_steps=2000, base=TINY["base"] | {"run": kept, "rollouts": {"backend": "serial"}}) == 0
    config = load_config(cell / "config.yaml")
    assert (config.run.checkpoint_every, config.rollouts.backend, config.run.generations) == (3, "serial", None)
    (lines,) = timeless(tmp_path / "out").values()
    assert lines[-1]["env_steps"] >= 2000


def test_a_failing_cell_fails_alone_and_is_told_with_its_reason(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    out = tmp_path / "out"
    config = write_comparison(tmp_path / "faulty.yaml", directory=str(out), **FAULTY)
    assert main(["compare", str(config), "--jobs", "1"]) == 1
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("failed: ")]
    raising, broken = failed
    assert raising.startswith("failed: faulty_environments:SometimesRaises-v0, linear, seed 0: ")
    assert "raised in an episode with seed" in raising
    assert "RuntimeError: step went wrong" in raising
    assert broken.startswith("failed: Pendulum-v1, broken, seed 0: TypeError: this shaping is broken (")
    page = (out / "report.html").read_text()
    assert "RuntimeError: step went wrong" in page
    rows = list(csv.DictReader((out / "table.csv").read_text().splitlines()))
    assert (rows[0]["task"], rows[0]["finished"]) == ("faulty_environments:Walk-v0", "1")


def test_a_missing_accelerator_is_told_for_each_run_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    config = write_comparison(tmp_path / "tiny.yaml", directory=str(tmp_path / "out"))
    if main(["compare", str(config)]) == 0:
        pytest.skip("there is a GPU")
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("failed: ")]
    assert len(told) == 2
    assert all("JAX found no device of JAX_PLATFORMS=cuda" in line and "odes-rl[cuda]" in line for line in told)


def test_a_dry_run_probes_what_nothing_is_known_of_and_leaves_nothing(tmp_path, capsys):
    config = write_comparison(tmp_path / "tiny.yaml", directory=str(tmp_path / "out"))
    assert main(["compare", str(config), "--dry-run"]) == 0
    told = capsys.readouterr()
    first, second, total, _ = told.out.splitlines()
    assert first.startswith("Hopper-v5, autonomous, seed 0: 3,000 environment steps, 0:0")
    assert all(line.endswith("a second, from a probe of autonomous)") for line in (first, second))
    assert total.startswith("2 of 2 cells to run, 6,000 environment steps; about 0:0")
    assert "probing Hopper-v5, autonomous (1 of 1)" in told.err
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.yaml"]


@pytest.mark.slow
def test_a_dry_run_probes_each_model_by_a_run_that_leaves_nothing(tmp_path, capsys):
    models = {"dense": {"model": {"name": "dense", "depth": 1, "width": 4}}}
    text = {"epochs": 9, "seeds": 1, "data": {"digits": None}, "models": models, "directory": str(tmp_path / "out")}
    mlflow = {"tracking_uri": f"sqlite:///{tmp_path}/mlflow.db"}
    text["base"] = {"run": {"loggers": ["mlflow"], "logger_options": {"mlflow": mlflow}}}
    (tmp_path / "models.yaml").write_text(yaml.safe_dump(text))
    assert main(["compare", str(tmp_path / "models.yaml"), "--dry-run"]) == 0
    assert "a second, from a probe of dense)" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["models.yaml"]
