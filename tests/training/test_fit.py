"""Supervised runs: from a config to accuracies, resumed as if never interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import yaml

from odes_rl.cli.program import main
from odes_rl.config.layering import FITTING, layer_values
from odes_rl.errors import UserError
from odes_rl.reports.fitted import fitted_lines
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.supervised.data.corruptions import CORRUPTIONS
from odes_rl.supervised.models import MODELS
from odes_rl.training.epochs import step_by_step, whole_epochs
from odes_rl.training.fit import evaluate, fit, initial_progress
from odes_rl.training.fitting import make_fitting
from tests.made_runs import fit_bits, fit_run, timeless


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return fit_run(tmp_path_factory.mktemp("undisturbed") / "run")


def test_resumed_equals_uninterrupted(undisturbed, tmp_path):
    whole, whole_progress = undisturbed
    fit_run(tmp_path / "parts", run__epochs=2)
    with RunDirectory.open(tmp_path / "parts", {"run.epochs": 4}, FITTING) as parts:
        progress = fit(parts, lambda metrics: None)
    assert timeless(parts) == timeless(whole)
    assert fit_bits(progress) == fit_bits(whole_progress)
    assert [line["epoch"] for line in timeless(whole)] == [1, 2, 3, 4]


def test_a_run_that_goes_on_forgets_the_evaluation_of_its_end(tmp_path):
    options = {"run__evaluate_every": 4, "data__corrupted": True}
    whole, _ = fit_run(tmp_path / "whole", **options, run__epochs=5)
    fit_run(tmp_path / "parts", **options, run__epochs=3)
    with RunDirectory.open(tmp_path / "parts", {"run.epochs": 5}, FITTING) as parts:
        assert "test_accuracy" in parts.metrics()[-1]
        fit(parts, lambda metrics: None)
    assert timeless(parts) == timeless(whole)
    assert [line["epoch"] for line in parts.metrics() if "test_accuracy" in line] == [4, 5]
    assert [line["examples_per_second"] is None for line in parts.metrics()] == [True, False, False, True, False]


@pytest.mark.parametrize("disturbance", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("evaluation", [2, 4])
def test_disturbed_while_it_evaluates_it_goes_on_to_the_same_end(
    undisturbed, tmp_path, monkeypatch, disturbance, evaluation
):
    whole, whole_progress = undisturbed
    calls = []

    def disturbed(*arguments):
        calls.append(arguments)
        if len(calls) == evaluation:
            raise disturbance
        return evaluate(*arguments)

    monkeypatch.setattr("odes_rl.training.fit.evaluate", disturbed)
    with pytest.raises(disturbance):
        fit_run(tmp_path / "parts")
    with RunDirectory.open(tmp_path / "parts", {}, FITTING) as parts:
        assert parts.checkpoints.latest_generation() == evaluation - 1
        progress = fit(parts, lambda metrics: None)
    assert timeless(parts) == timeless(whole)
    assert fit_bits(progress) == fit_bits(whole_progress)


def test_evaluations_are_as_often_as_asked_for_and_at_the_end(tmp_path):
    run, _ = fit_run(tmp_path / "run", run__epochs=5, run__evaluate_every=2, data__corrupted=True)
    evaluated = [line["epoch"] for line in run.metrics() if "test_accuracy" in line]
    assert evaluated == [2, 4, 5]
    last = run.metrics()[-1]
    assert all(0 <= last[f"{name}_accuracy"] <= 1 for name in CORRUPTIONS)
    assert last["identity_accuracy"] == last["test_accuracy"]
    assert last["stripe_accuracy"] < last["test_accuracy"]


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS.find(name).takes == "vectors"])
def test_every_model_learns_the_digits(name, tmp_path):
    flow = {} if name in ("dense", "linear") else {"model.steps": 10}
    rate = 0.002 if name.endswith("res_net") else 0.01  # its steps are longer
    options = {"model.name": name, "model.width": 48, "optimizer.learning_rate": rate, "run.epochs": 10} | flow
    config = layer_values({}, options, default_directory="x", kind=FITTING)
    with RunDirectory.create(tmp_path / "run", config) as run:
        fit(run, lambda metrics: None)
        last = run.metrics()[-1]
    assert last["test_accuracy"] > 0.93
    assert last["manifold_violation"] < 1e-5


def test_the_commands_fit_and_resume(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = {"model": {"name": "dense", "width": 16}, "run": {"epochs": 2}}
    (tmp_path / "digits.yaml").write_text(yaml.safe_dump(config))
    assert main(["fit", "digits.yaml"]) == 0
    told = capsys.readouterr().out
    assert "epoch 2/2" in told
    assert "accuracy after epoch 2:" in told
    assert "curve: runs/digits/curve.png" in told
    assert (tmp_path / "runs/digits/curve.pdf").is_file()
    logger = "tests.loggers.notebooks:OWN"
    assert main(["resume", "runs/digits", "--run.epochs", "3", "--run.loggers", logger]) == 0
    assert "accuracy after epoch 3:" in capsys.readouterr().out
    assert yaml.safe_load((tmp_path / "runs/digits/config.yaml").read_text())["run"]["loggers"] == [logger]


def test_a_run_does_not_go_on_with_other_data(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (40, 6, 5), np.uint8)
    labels = np.arange(40) % 4

    def write(images: np.ndarray) -> None:
        halves = {"train": slice(30), "test": slice(30, None)}
        arrays: dict[str, Any] = {f"{name}_images": images[half] for name, half in halves.items()}
        arrays |= {f"{name}_labels": labels[half] for name, half in halves.items()}
        np.savez("data.npz", **arrays)

    write(images)
    assert main(["fit", "--data.source", "data.npz", "--model.name", "linear", "--run.epochs", "1"]) == 0
    (run,) = Path("runs").iterdir()
    assert run.name == "data"
    assert main(["resume", str(run), "--run.epochs", "2"]) == 0
    for others in (255 - images, images[:, :4]):
        write(others)
        for command in (["resume", str(run), "--run.epochs", "3"], ["inspect", str(run)]):
            capsys.readouterr()
            assert main(command) == 2
            assert "data.source 'data.npz' holds other data than those that" in capsys.readouterr().err
    write(images)
    assert main(["resume", str(run), "--run.epochs", "3"]) == 0
    launches = (run / "launches.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in launches] == [0, 1, 2]


MISTAKES = [
    (["fit", "digits.yaml", "--model.widht", "3"], "did you mean 'model.width'"),
    (["fit", "digits.yaml", "--model.name", "densse"], "'dense'"),
    (["fit", "digits.yaml", "--data.source", "absent.npz"], "data.source is 'absent.npz'"),
    (["fit", "digits.yaml", "--strategy.sigma", "1"], "unknown option strategy.sigma"),
    (["fit", "train.yaml"], "use it with `odes-rl train`"),
    (["train", "digits.yaml"], "use it with `odes-rl fit`"),
    (["resume", "done", "--model.width", "5"], "resume cannot change model.width"),
    (["resume", "done", "--run.epochs", "1"], "has 2 already"),
    (["evaluate", "done"], "is a run of `odes-rl fit`, whose model has no actions"),
    (["fit", "digits.yaml", "--run.directory", "done"], "already holds a run"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    directory = tmp_path_factory.mktemp("place")
    (directory / "digits.yaml").write_text(yaml.safe_dump({"model": {"name": "dense", "width": 4}}))
    (directory / "train.yaml").write_text(yaml.safe_dump({"task": {"id": "Hopper-v5"}}))
    fit_run(directory / "done", run__epochs=2)
    return directory


@pytest.mark.parametrize(("arguments", "words"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_mistake_is_one_line(place, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(place)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert words in error


def test_help_shows_every_option_with_its_value(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    assert main(["fit", "digits.yaml", "--run.epochs", "77", "--help"]) == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("--model.depth", "--optimizer.learning-rate", "--data.corrupted", "77"))


@pytest.mark.slow
def test_interrupted_it_saves_and_goes_on(tmp_path):
    (tmp_path / "long.yaml").write_text(yaml.safe_dump({"run": {"epochs": 400}}))
    command = [sys.executable, "-m", "odes_rl", "fit", "long.yaml", "--model.width", "24", "--model.steps", "10"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    metrics = tmp_path / "runs/long/metrics.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and (not metrics.exists() or metrics.read_bytes().count(b"\n") < 7):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "resume with: odes-rl resume" in told
    with RunDirectory.open(tmp_path / "runs/long", {"run.epochs": 402}, FITTING) as run:
        done = run.checkpoints.latest_generation()
        assert done is not None
        assert done == run.metrics()[-1]["epoch"] < 400
    assert main(["resume", str(tmp_path / "runs/long"), "--run.epochs", str(done + 1)]) == 0
    with RunDirectory.open(tmp_path / "runs/long", {}, FITTING) as run:
        assert [line["epoch"] for line in run.metrics()] == list(range(1, done + 2))


def test_corruptions_of_another_size_than_the_data_are_refused(tmp_path):
    for name in CORRUPTIONS:
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "test_images.npy", np.zeros((3, 28, 28, 1), np.uint8))
        np.save(tmp_path / name / "test_labels.npy", np.arange(3))
    options = {"data.corrupted": True, "data.corrupted_directory": str(tmp_path)}
    config = layer_values({}, options, default_directory="x", kind=FITTING)
    with pytest.raises(UserError, match=r"are 28 × 28, but those of data\.source are 8 × 8"):
        make_fitting(config)


def test_a_classifier_that_diverged_is_told_and_right_about_nothing(tmp_path):
    run, _ = fit_run(tmp_path / "run", optimizer__learning_rate=1e30, run__epochs=2)
    last = run.metrics()[-1]
    assert (last["test_loss"], last["test_accuracy"]) == (None, 0)
    assert fitted_lines(run.path)[0] == "accuracy after epoch 2: the loss is not finite, training diverged"


def test_corrupted_files_are_refused_where_nothing_asks_for_them():
    config = layer_values({}, {"data.corrupted_directory": "here"}, default_directory="x", kind=FITTING)
    with pytest.raises(UserError, match=r"data\.corrupted_directory is 'here', but data\.corrupted is false: make it"):
        make_fitting(config)


@pytest.mark.parametrize(("name", "value"), [("videos", 3), ("test_videos", 5), ("side", 16), ("digits", 7)])
def test_options_of_videos_are_refused_for_other_models(name, value):
    options = {"model.name": "linear", f"data.{name}": value}
    config = layer_values({}, options, default_directory="x", kind=FITTING)
    with pytest.raises(UserError, match=rf"data\.{name} is {value}, but is for models of videos: leave it at \d+"):
        make_fitting(config)


def test_speed_counts_the_examples_that_an_epoch_trains_on():
    config = layer_values({}, {"optimizer.batch_size": 800}, default_directory="x", kind=FITTING)
    fitting = make_fitting(config)
    state = jax.eval_shape(partial(initial_progress, fitting, 0)).state
    assert len(fitting.train[0]) == 1442
    for make in (whole_epochs, step_by_step):
        assert make(fitting.learner, state, fitting.train).examples == 800
