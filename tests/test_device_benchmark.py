"""The benchmark for accelerators: its plan, its processes, its tables; and all of it, small, on the CPU."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "scripts/benchmarks"
FAKE = """
import os, signal, sys
from device_stage import serve

def measure(cell, seconds, report):
    if cell["does"] == "raises":
        raise ValueError("as asked")
    if cell["does"] != "works":
        report({"partial": os.getpid()})
        os.kill(os.getpid(), signal.SIGKILL if cell["does"] == "dies" else signal.SIGSTOP)
    return {"process": os.getpid()}

serve(measure, open(1, "w", buffering=1, closefd=False))
"""
SPENT = {"trace": 2.0, "lower": 1.0, "compile": 30.0, "kept": 0, "new": 7}


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def benchmark(name: str) -> Any:
    return importlib.import_module(name)


def launch(*_: Any) -> Any:
    environment = os.environ | {"PYTHONPATH": str(BENCHMARKS)}
    return benchmark("on_device.driving").Child([sys.executable, "-c", FAKE], environment)


def run_stage(does: list[str], seconds: float = 100.0, **options: Any) -> tuple[list[Any], list[list[Any]]]:
    """The outcomes of a stage whose cells do that, and all that was known before."""
    told: list[list[Any]] = []
    stage = benchmark("on_device.plan").Stage("fake", 1.0, [{"does": what} for what in does], **options)
    benchmark("on_device.driving").StageRun(stage, seconds, launch, told.append).run()
    return told[-1], told


def test_a_cell_that_fails_or_dies_costs_no_other_cell():
    outcomes, told = run_stage(["works", "works", "raises", "works", "dies", "works"])
    reasons = [outcome["failed"] for outcome in outcomes]
    assert reasons == [None, None, "ValueError: as asked", None, "its process ended with status -9", None]
    assert outcomes[0]["figures"] == outcomes[1]["figures"]  # one process
    assert outcomes[4]["figures"]["partial"] > 0
    assert told[0] == [
        {"cell": {"does": "works"}, "figures": {}, "failed": "not finished", "seconds": told[0][0]["seconds"]}
    ]


def test_a_stage_ends_with_its_time_and_says_what_is_left_out():
    (stuck, never), _ = run_stage(["hangs", "works"], seconds=0.5)
    assert stuck["failed"].startswith("cut off after ")
    assert never["failed"] == "no time left"


@pytest.mark.parametrize(("options", "processes"), [({"at_once": 2}, 2), ({"is_fresh": True}, 3), ({}, 1)])
def test_cells_share_processes_as_the_stage_says(options, processes):
    outcomes, _ = run_stage(["works"] * 3, **options)
    assert len({outcome["figures"]["process"] for outcome in outcomes}) <= processes
    assert not any(outcome["failed"] for outcome in outcomes)
    if options != {"at_once": 2}:
        assert len({outcome["figures"]["process"] for outcome in outcomes}) == processes


def test_a_process_ends_with_the_one_that_started_it():
    child = launch()
    child._process.stdin.close()
    assert child._process.wait(60) == 1


def test_what_a_stage_leaves_is_shared_by_the_others():
    allotted = benchmark("on_device.plan").allotted
    assert allotted(1200, [1, 3, 6]) == 120
    assert allotted(1190, [3, 6]) == pytest.approx(1190 / 3)
    assert allotted(500, [6]) == 500
    assert allotted(-1, [6]) == 0


@pytest.mark.parametrize("sizes", ["FULL", "QUICK"])
def test_the_plan_compiles_ahead_all_that_it_will_run(sizes):
    plan = benchmark("on_device.plan")
    sizes = getattr(plan, sizes)
    alone = {stage.name: stage for stage in plan.stages(sizes, cores=2, compilers=1)}
    assert "compile" not in alone
    assert alone["throughput"].share == 14
    found = plan.stages(sizes, cores=16, compilers=4)
    names = [stage.name for stage in found]
    assert names == ["machine", "parity", "weights", "compile", *list(alone)[3:]]
    stages = {stage.name: stage for stage in found}
    ahead = [cell["cell"] for cell in stages["compile"].cells]
    throughput = [cell for cell in stages["throughput"].cells if cell["backend"] == "mjx"]
    assert all(cell in ahead for cell in throughput + stages["training"].cells)
    assert [cell["task"] for cell in ahead[: len(sizes["tasks"])]] == list(sizes["tasks"])
    assert {cell["candidates"] for cell in throughput} == set(sizes["candidates"])
    for stage in found:
        assert "def measure(" in (BENCHMARKS / "on_device" / f"{stage.name}.py").read_text(encoding="utf-8")


def results() -> dict[str, Any]:
    """Of a session that was cut off in its third stage."""
    machine = {"platform": "gpu", "device": "Device", "devices": 1, "memory": 8e10, "bandwidth": 2e12}
    cell = {"task": "Swimmer-v5", "backend": "mjx", "candidates": 2048, "hidden": 16}
    processes = cell | {"backend": "processes", "candidates": 64}
    learner: dict[str, Any] = {"ask": 0.001, "materialise": 0.002, "tell": 0.004, "bytes": 3e9}
    learner["moved"] = {"ask": 1e9, "materialise": 2e9, "tell": 5e8}
    stages = {
        "machine": [done({"copy_bytes": 1}, machine)],
        "throughput": [
            done(cell, {"first": 40.0, "rate": 250_000.0, "at_once": 2048, "bytes": 2e9, "start": 1e-4}),
            done(processes, {"first": 1.0, "rate": 100_000.0}),
            done(cell | {"candidates": 32768}, {}, "MemoryError: full"),
            done(cell | {"candidates": 32}, {"first": 30.0}, "cut off after 30 s"),
        ],
        "learner": [done({"hidden": 16, "population": 200, "rounds": 1}, learner)],
    }
    return {name: {"allotted": 1.0, "seconds": 1.0, "cells": cells} for name, cells in stages.items()}


def done(cell: dict[str, Any], figures: dict[str, Any], failed: str | None = None) -> dict[str, Any]:
    return {"cell": cell, "figures": figures, "failed": failed, "seconds": 1.0, "compiling": SPENT}


def test_the_tables_have_what_there_is():
    printed = benchmark("on_device.sheet").sheet(results())
    assert "| 1 × Device (gpu) | 80.0 | 2,000.0 |" in printed
    lines = [line for line in printed.splitlines() if line.startswith("| Swimmer-v5")]
    assert lines == [
        "| Swimmer-v5 | processes | 64 | 100,000 | 1.00 | – | – | – | – | – | – |",
        "| Swimmer-v5 | mjx | 32 | – | – | – | – | – | 3.0 | 30.0 | 0 of 7 |",
        "| Swimmer-v5 | mjx | 2,048 | 250,000 | 2.50 | 2,048 | 2.00 | 100 | 3.0 | 30.0 | 0 of 7 |",
    ]
    assert "| 16 | 200 | 1.00 | 50.0% | 2.00 | 50.0% | 4.00 | 6.2% | 3.00 |" in printed
    assert "- throughput, task Swimmer-v5 backend mjx candidates 32768 hidden 16: MemoryError: full" in printed
    assert "Trainings" not in printed


def test_bits_are_compared_within_a_process_and_between_two():
    cell = {"task": "Swimmer-v5", "candidates": 8, "flags": ""}
    one = {"weights": ["w", "w"], "episodes": ["a", "a"], "updates": ["u", "v"], "seconds": 2.0}
    cells = [done(cell | {"turn": 0}, one), done(cell | {"turn": 1}, one | {"episodes": ["b", "b"], "seconds": 1.0})]
    cells.append(done(cell | {"turn": 0, "flags": "--flag"}, one))
    printed = benchmark("on_device.sheet").sheet({"bits": {"cells": cells}})
    assert "| Swimmer-v5 | 8 | – | 1.00 | yes | yes | yes | no | no | yes |" in printed
    assert "| Swimmer-v5 | 8 | --flag | 2.00 | yes | – | yes | – | no | – |" in printed


def test_an_earlier_output_is_reported_without_measuring(tmp_path, monkeypatch, capsys):
    earlier = tmp_path / "device.json"
    earlier.write_text(json.dumps({"machine": {}, "options": {}, "results": results()}), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["device.py", "--report", str(earlier)])
    benchmark("device").main()
    assert capsys.readouterr().out.strip() == benchmark("on_device.sheet").sheet(results())


def test_no_accelerator_is_a_line_with_the_way_out():
    check = benchmark("device")._check
    with pytest.raises(SystemExit, match=r"JAX sees no accelerator: .* --cpu"):
        check({"figures": {"platform": "cpu"}, "failed": None}, on_cpu=False)
    with pytest.raises(SystemExit, match="JAX finds no device: cut off"):
        check({"figures": {}, "failed": "cut off after 1 s"}, on_cpu=True)
    check({"figures": {"platform": "cpu"}, "failed": None}, on_cpu=True)


@pytest.mark.slow
def test_all_of_it_runs_small_on_the_cpu(tmp_path):
    pytest.importorskip("mujoco.mjx")
    output = tmp_path / "device.json"
    command = [sys.executable, BENCHMARKS / "device.py", "--cpu", "--quick", "--compilers", "2", "--output", output]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1300, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())["results"]
    assert list(found) == [
        stage.name for stage in benchmark("on_device.plan").stages(benchmark("on_device.plan").QUICK, 2, 2)
    ]
    failures = [outcome for stage in found.values() for outcome in stage["cells"] if outcome["failed"]]
    assert not failures, done.stderr
    assert found["parity"]["cells"][0]["figures"]["agrees"]
    assert found["weights"]["cells"][0]["figures"]["difference"] < 1e-5
    assert found["training"]["cells"][0]["figures"]["generations"] == 5
    (bits,) = [line for line in done.stdout.splitlines() if line.startswith("| Swimmer-v5 | 8 | – |")]
    assert bits.endswith("| yes | yes | yes | yes | yes | yes |")


@pytest.mark.slow
def test_a_session_that_is_killed_leaves_what_it_has_measured(tmp_path):
    output = tmp_path / "device.json"
    command = [sys.executable, BENCHMARKS / "device.py", "--cpu", "--quick", "--output", output]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        while not output.exists() or "parity" not in json.loads(output.read_text())["results"]:
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "**Device**" in printed
    found = json.loads(output.read_text())["results"]
    assert found["machine"]["cells"][0]["figures"]["bandwidth"] > 0
    assert found["parity"]["cells"][0]["failed"] == "not finished"
