"""How far cells are, and what is foreseen of them, from their directories."""

import io
import json
import subprocess
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from odes_rl.compare import probing
from odes_rl.compare.cells import make_cells
from odes_rl.compare.config import load_comparison
from odes_rl.compare.display import show_cells
from odes_rl.compare.forecast import forecast, forecast_lines
from odes_rl.compare.probing import Overhead, Rate, probe
from odes_rl.compare.processes import start_process
from odes_rl.compare.scheduling import jobs_of, processes_of, share_cores
from odes_rl.compare.standing import Standing, check_recorded, rate, standing
from odes_rl.errors import StorageError, UserError
from odes_rl.runs.run_directory import RunDirectory
from tests.comparisons import write_comparison


@pytest.fixture
def cells(tmp_path):
    path = write_comparison(tmp_path / "tiny.yaml", directory=str(tmp_path / "runs"), seeds=2, env_steps=1000)
    return make_cells(load_comparison(path, {}), {})


def write_run(cell, env_steps, *, checkpoint=True, evaluated=True):
    """A run of `cell` with a line each hundred environment steps, at 50 of them a second once it has compiled.

    Without a `checkpoint` of its end, or without its end `evaluated`.
    """
    end = env_steps // 100 if evaluated else None
    with RunDirectory.create(cell.path, cell.config) as run:
        for generation in range(env_steps // 100 + 1):
            line = {"generation": generation, "env_steps": 100 * generation, "wall_seconds": 2.0 * generation + 60}
            evaluation = {"evaluation_return_mean": 7.0 + generation}
            run.append_metrics(line | (evaluation if generation % 4 == 0 or generation == end else {}))
        if checkpoint:
            run.checkpoints.save(env_steps // 100, {})


def test_a_cell_is_done_with_its_last_evaluation_and_checkpoint(cells):
    half, done, torn, new = cells
    write_run(half, 500)
    write_run(done, 1000)
    write_run(torn, 1000, checkpoint=False)
    assert standing(new) == Standing(0, None, done=False)
    assert standing(half) == Standing(500, 12.0, done=False)
    assert standing(done) == Standing(1000, 17.0, done=True)
    assert standing(torn) == Standing(1000, 17.0, done=False)
    with (half.path / "metrics.jsonl").open("a") as file:
        file.write('{"generation": 6, "env_st')
    assert standing(half).taken == 500


def test_a_cell_whose_end_was_not_evaluated_is_not_done(cells):
    write_run(cells[0], 1000, evaluated=False)
    assert standing(cells[0]) == Standing(1000, 15.0, done=False)


def test_long_metrics_are_read_from_their_end(cells):
    cell = cells[0]
    write_run(cell, 500)
    with (cell.path / "metrics.jsonl").open("a") as file:
        for generation in range(6, 1000):
            file.write(json.dumps({"generation": generation, "env_steps": generation, "words": "x" * 100}) + "\n")
    assert standing(cell).taken == 999


def test_a_damaged_line_is_told(cells):
    write_run(cells[0], 500)
    path = cells[0].path / "metrics.jsonl"
    path.write_bytes(path.read_bytes().replace(b'{"generation": 3', b'{"generation"', 1))
    with pytest.raises(UserError, match=r"metrics\.jsonl': line \d from the end is not a JSON object"):
        standing(cells[0])


def test_runs_of_other_options_are_not_taken_for_the_cells(cells, tmp_path):
    write_run(cells[0], 300)
    check_recorded(cells)
    path = write_comparison(tmp_path / "tiny.yaml", directory=str(tmp_path / "runs"), env_steps=5000)
    check_recorded(make_cells(load_comparison(path, {}), {"run.checkpoint_every": "9", "rollouts.lanes": "2"}))
    with pytest.raises(UserError, match=r"strategy\.sigma 0\.3, but now it is 0\.5: restore that, or give another"):
        check_recorded(make_cells(load_comparison(path, {}), {"strategy.sigma": "0.5"}))
    shorter = write_comparison(tmp_path / "tiny.yaml", directory=str(tmp_path / "runs"), env_steps=500)
    with pytest.raises(UserError, match=r"run\.env_steps 1000, but now it is 500: restore that, or give another"):
        check_recorded(make_cells(load_comparison(shorter, {}), {}))


def test_a_forecast_is_reckoned_from_what_is_recorded_and_what_a_run_takes_besides(cells):
    write_run(cells[0], 1000)
    write_run(cells[1], 500)
    assert rate(cells) == pytest.approx(50)
    standings = {cell: standing(cell) for cell in cells}
    rates = {(cell.task, cell.learner): Rate(50, "recorded") for cell in cells}
    lines = forecast(standings, rates, Overhead(start=4, compiling=6, report=3), at_once=2, workers=1)
    assert lines[0] == "Hopper-v5, autonomous, seed 0: done"
    assert lines[1] == "Hopper-v5, linear, seed 0: 500 environment steps, 0:00:14 (50 a second, recorded)"
    assert lines[3].startswith("Hopper-v5, linear, seed 1: 1,000 environment steps, 0:00:24")
    assert lines[4] == "3 of 4 cells to run, 2,500 environment steps; about 0:00:34 with 2 at once, 1 core each"
    assert lines[5].endswith("0:00:04 to start each run, 0:00:06 to compile in 0 of them, and 0:00:03 for the report")


OF_SEEDS = [
    ("recorded", "0:00:27"),
    ("recorded for other policies on the task", "0:00:27"),
    ("from a probe", "0:00:47"),
]


@pytest.mark.parametrize(("source", "total"), OF_SEEDS)
def test_seeds_in_one_process_start_once_and_share_the_time_that_is_recorded_of_all(cells, source, total, monkeypatch):
    """Each of two seeds takes 4 seconds to start and 20 beside, the reports 3; of two policies one is done."""
    monkeypatch.setattr("odes_rl.compare.scheduling.runs_on_device", lambda cell: True)
    standings = {cell: Standing(0, None, done=cell.learner != "linear") for cell in cells}
    rates = {(cell.task, cell.learner): Rate(50, source) for cell in cells}
    lines = forecast(standings, rates, Overhead(start=4, compiling=0, report=3), at_once=1, workers=2)
    assert f"2 of 4 cells to run, 2,000 environment steps; about {total} with 1 at once" in lines[4]


def test_a_policys_first_run_on_a_task_compiles_and_the_others_do_not(cells):
    standings = dict.fromkeys(cells, Standing(0, None, done=False))
    rates = {(cell.task, cell.learner): Rate(1000, "recorded") for cell in cells}
    lines = forecast(standings, rates, Overhead(start=4, compiling=6, report=3), at_once=2, workers=1)
    assert ["0:00:11" in line for line in lines[:4]] == [True, True, False, False]
    assert ["0:00:05" in line for line in lines[:4]] == [False, False, True, True]
    assert "about 0:00:19 with 2 at once" in lines[4]
    assert "0:00:06 to compile in 2 of them" in lines[5]


def test_what_is_compiled_at_the_beginning_is_no_part_of_a_recorded_rate(cells):
    with RunDirectory.create(cells[0].path, cells[0].config) as run:
        for generation, seconds in enumerate((1.0, 31.0, 33.0, 35.0)):
            run.append_metrics({"generation": generation, "env_steps": 100 * generation, "wall_seconds": seconds})
    assert rate(cells[:1]) == pytest.approx(50)


def test_the_evaluations_of_models_take_time_too(tmp_path):
    entries = {"epochs": 3, "seeds": 1, "base": {}, "data": {"digits": None}, "models": {"dense": None}}
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump({**entries, "directory": str(tmp_path / "fits")}))
    (cell,) = make_cells(load_comparison(path, {}), {})
    with RunDirectory.create(cell.path, cell.config) as run:
        for epoch in (1, 2, 3):
            run.append_metrics({"epoch": epoch, "wall_seconds": 2.0 * epoch, "evaluation_seconds": 3.0})
    assert rate([cell]) == pytest.approx(1 / 5)


def test_a_forecast_takes_another_policys_speed_before_it_probes(cells):
    write_run(cells[0], 1000)
    told = []
    lines = forecast_lines(cells, 2, None, told.append)
    assert "(50 a second, recorded for other policies on the task)" in lines[1]
    assert told == ["measuring how long a run takes to start"]


def test_a_comparison_that_is_done_has_nothing_to_measure(cells):
    for cell in cells:
        write_run(cell, 1000)
    told = []
    assert forecast_lines(cells, 2, None, told.append)[-1] == "0 of 4 cells to run"
    assert told == []


def test_a_log_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "cell.log").mkdir()
    with pytest.raises(StorageError, match=r"cannot write to .*: Is a directory"):
        start_process("odes_rl.compare.cell", [], tmp_path / "cell.log")


def test_policies_are_probed_without_a_run(cells, monkeypatch):
    """A run would compile all that training needs, for each task."""

    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda words, *rest, **how: started.append(words) or popen(words, *rest, **how)
    )
    per_second, source = probe(cells[0], workers=1)
    assert not [words for words in started if "odes_rl.compare.cell" in words]
    assert source == "from a probe of autonomous"
    assert per_second > 0


def test_a_run_that_probes_is_logged_nowhere(cells, monkeypatch):
    started = []

    def start(cells, workers):
        started.append(cells[0].config.run)
        raise UserError("seen enough")

    monkeypatch.setattr(probing, "start_cells", start)
    logged = {"loggers": ("wandb",), "logger_options": {"wandb": {"project": "mine"}}}
    rollouts = cells[0].config.rollouts.model_copy(update={"inference": "device"})
    run = cells[0].config.run.model_copy(update=logged)
    config = cells[0].config.model_copy(update={"run": run, "rollouts": rollouts})
    with pytest.raises(UserError, match="seen enough"):
        probe(cells[0]._replace(config=config), workers=1)
    assert [(run.loggers, run.logger_options) for run in started] == [((), {})]
    assert not started[0].is_over(1, 10**9)  # or there would be one generation, and no speed


def test_a_task_that_fails_in_a_probe_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    tasks = {"faulty_environments:RaisingInStep-v0": None}
    path = write_comparison(tmp_path / "faulty.yaml", directory=str(tmp_path / "runs"), tasks=tasks)
    with pytest.raises(UserError, match="a probe of faulty_environments:RaisingInStep-v0 failed: RuntimeError"):
        probe(make_cells(load_comparison(path, {}), {})[0], workers=1)


@pytest.mark.parametrize(
    ("cores", "cells", "jobs", "expected"),
    [
        (8, 42, None, (8, 1)),
        (8, 4, None, (4, 2)),
        (8, 3, None, (3, 2)),
        (2, 1, None, (1, 2)),
        (8, 42, 2, (2, 4)),
        (2, 42, 5, (5, 1)),
        (4, 0, None, (1, 4)),
    ],
)
def test_cores_are_shared_out(cores, cells, jobs, expected):
    assert share_cores(cores, cells, jobs) == expected


def test_on_a_device_all_seeds_of_a_policy_on_a_task_share_a_process(cells):
    def on(backend):
        rollouts = cells[0].config.rollouts.model_copy(update={"backend": backend})
        return [cell._replace(config=cell.config.model_copy(update={"rollouts": rollouts})) for cell in cells]

    seeds = [[cell.seed for cell in process] for process in processes_of(on("mjx"))]
    assert [len({(cell.task, cell.learner) for cell in process}) for process in processes_of(on("mjx"))] == [1] * len(
        seeds
    )
    assert sum(map(len, seeds)) == len(cells) > len(seeds)
    assert processes_of(on("processes")) == [[cell] for cell in on("processes")]
    assert [jobs_of(on(*asked[:1]), asked[1]) for asked in (("mjx", None), ("mjx", 3), ("serial", None))] == [
        1,
        3,
        None,
    ]


def shown(cells, *, terminal, height=40):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120, height=height)
    standings = dict.fromkeys(cells, Standing(0, None, done=False))
    with show_cells(cells, console) as watch:
        watch(standings, cells[:2], {})
        after = standings | {cells[0]: Standing(1000, 41.6, done=True), cells[1]: Standing(250, None, done=False)}
        watch(after, cells[1:2], {cells[2]: "it broke, see cell.log"})
    return stream.getvalue()


def test_a_terminal_shows_all_cells_in_one_table(cells):
    text = shown(cells, terminal=True).split("task")[-1]
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "Hopper-v5 autonomous done 41.6 failed" in lines
    assert "Hopper-v5 linear 25 % ·" in lines
    assert any(line.startswith("1 of 4 cells done, 1 running, 1 failed") for line in lines)


def test_the_time_left_is_reckoned_without_what_starts_and_compiles(cells, monkeypatch):
    clock, stream = {"now": 0.0}, io.StringIO()
    monkeypatch.setattr("odes_rl.compare.display.time.monotonic", lambda: clock["now"])
    none = dict.fromkeys(cells, Standing(0, None, done=False))
    with show_cells(cells, Console(file=stream, width=120), 0.0) as watch:
        for now, taken in ((0.0, 0), (60.0, 0), (90.0, 100), (91.0, 100), (92.0, 200)):
            clock["now"] = now
            watch(none | {cells[0]: Standing(taken, None, done=False)}, cells[:1], {})
    lines = stream.getvalue().splitlines()[1:]
    assert [line.partition("running")[2] for line in lines] == ["", "", "", "", ", 0:01:16 left"]  # 3800 at 50 a second


def test_a_low_terminal_shows_the_rows_where_something_runs(cells):
    text = shown(cells, terminal=True, height=7).split("task")[-1]
    assert "linear" in text
    assert "autonomous" not in text


def test_elsewhere_there_are_lines_of_what_begins_and_ends(cells):
    lines = shown(cells, terminal=False).splitlines()
    assert lines[:2] == ["Hopper-v5, autonomous, seed 0: starts", "Hopper-v5, linear, seed 0: starts"]
    assert lines[2] == "Hopper-v5, autonomous, seed 0: done 41.6"
    assert lines[3].startswith("1 of 4 cells done, 1 running, 1 failed")


def test_cells_can_be_told_apart_from_their_directories(cells):
    write_run(cells[3], 100)
    config = yaml.safe_load((cells[3].path / "config.yaml").read_text())
    assert config["run"]["seed"] == 1
    assert config["run"]["directory"] == str(cells[3].path)
