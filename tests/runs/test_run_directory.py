"""What a run writes, and what survives a kill."""

import json
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from odes_rl.config.layering import layer_values
from odes_rl.errors import UserError
from odes_rl.runs.run_directory import RunDirectory


@pytest.fixture(scope="module")
def config():
    return layer_values({"task": {"id": "Swimmer-v5"}}, {}, default_directory="runs/x")


@pytest.fixture
def run(tmp_path, config):
    with RunDirectory.create(tmp_path / "run", config) as run:
        yield run


def line(generation: int) -> dict:
    return {"generation": generation, "env_steps": 10 * generation, "return_mean": generation / 3}


def events(path: Path, name: str) -> list[tuple[int, float]]:
    accumulator = EventAccumulator(str(path / "events"))
    accumulator.Reload()
    return [(event.step, event.value) for event in accumulator.Scalars(name)]


def test_config_comes_back_as_it_was(run, config):
    assert RunDirectory.open(run.path).config == config


def test_create_refuses_a_directory_with_a_run_and_leaves_it_alone(run, config):
    before = (run.path / "config.yaml").read_bytes()
    with pytest.raises(UserError, match=r"already holds a run.*resume"):
        RunDirectory.create(run.path, config)
    assert (run.path / "config.yaml").read_bytes() == before


def test_create_refuses_a_path_that_is_a_file(tmp_path, config):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        RunDirectory.create(tmp_path / "file" / "run", config)


def test_open_refuses_a_directory_without_a_run(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        RunDirectory.open(tmp_path)


def test_overrides_are_written_only_when_the_run_goes_on(run):
    changed = RunDirectory.open(run.path, {"run.generations": "7"})
    assert changed.config.run.generations == 7
    assert RunDirectory.open(run.path).config.run.generations != 7
    changed.cut_back(0)
    assert RunDirectory.open(run.path).config == changed.config


def test_metrics_come_back_exactly_and_go_to_the_events(run):
    lines = [line(generation) for generation in range(3)]
    for metrics in lines:
        run.append_metrics(metrics)
    assert run.metrics() == lines
    run.close()
    assert [step for step, _ in events(run.path, "return_mean")] == [0, 1, 2]


def test_metrics_are_on_disk_at_once(run):
    run.append_metrics(line(0))
    assert json.loads((run.path / "metrics.jsonl").read_text()) == line(0)


def test_numpy_scalars_are_numbers_and_what_is_not_finite_is_null(run):
    values = {"a": np.float32(0.5), "b": np.int64(3), "c": float("nan"), "d": np.inf, "e": np.array(2.0)}
    run.append_metrics({"generation": 0, **values})
    assert run.metrics() == [{"generation": 0, "a": 0.5, "b": 3, "c": None, "d": None, "e": 2.0}]


@pytest.mark.parametrize("torn", ['{"gener', '{"generation": 5}', ""])
def test_cut_back_forgets_later_generations_and_a_torn_line(run, torn):
    for generation in range(5):
        run.append_metrics(line(generation))
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write(torn)
    assert run.metrics() == [line(generation) for generation in range(5)]
    run.cut_back(2)
    run.append_metrics(line(3))
    run.close()
    assert run.metrics() == [line(generation) for generation in range(4)]
    assert [step for step, _ in events(run.path, "return_mean")] == [0, 1, 2, 3]


@pytest.mark.parametrize("broken", ["{", "3", "", "\udcff"])
def test_a_whole_line_that_is_no_object_is_a_mistake_with_its_number(run, broken):
    run.append_metrics(line(0))
    with (run.path / "metrics.jsonl").open("a", errors="surrogateescape") as file:
        file.write(f"{broken}\n")
    run.append_metrics(line(1))
    with pytest.raises(UserError, match=r"metrics\.jsonl.*line 2"):
        run.metrics()


def test_progress_is_a_checkpoint_or_metrics_after_the_start(run):
    assert not run.has_progress()
    run.append_metrics(line(0))
    assert not run.has_progress()
    run.append_metrics(line(1))
    assert run.has_progress()
    run.cut_back(-1)
    assert not run.has_progress()
    run.checkpoints.save(0, {"x": np.zeros(2)})
    assert run.has_progress()
