"""Comparisons of supervised models: their cells, real runs that are disturbed, and their table of accuracies."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from odes_rl.cli.program import main
from odes_rl.compare.cells import make_cells
from odes_rl.compare.config import load_comparison
from odes_rl.config.schema import FitConfig
from odes_rl.runs.metrics import read_metrics, write_metrics

CONFIGS = sorted((Path(__file__).parents[2] / "configs/supervised").glob("table*.yaml"))
TINY = {
    "epochs": 4,
    "seeds": 1,
    "base": {
        "data": {"corrupted": True},
        "model": {"width": 8, "steps": 3},
        "run": {"evaluate_every": 2, "checkpoint_every": 1},
    },
    "data": {"digits": None},
    "models": {"node": {"seeds": 2}, "Dense-2": {"model": {"name": "dense", "depth": 2}}},
}


def write(path, **changes):
    path.write_text(yaml.safe_dump(TINY | changes, sort_keys=False))
    return str(path)


def accuracies(directory):
    rows = csv.DictReader((directory / "accuracies.csv").read_text().splitlines())
    return {(row["model"], int(row["seed"]), row["set"]): float(row["accuracy"]) for row in rows}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    assert main(["compare", write(place / "tiny.yaml", directory=str(place / "out"))]) == 0
    return place / "out"


def test_the_table_has_each_runs_last_accuracies(whole):
    found = accuracies(whole)
    assert {(model, seed) for model, seed, _ in found} == {("node", 0), ("node", 1), ("Dense-2", 0)}
    for (model, seed, name), accuracy in found.items():
        line = json.loads((whole / f"digits/{model}/seed_{seed}/metrics.jsonl").read_text().splitlines()[-1])
        assert line["epoch"] == 4
        assert accuracy == pytest.approx(line[f"{name}_accuracy"], abs=1e-4)
    text = (whole / "table.md").read_text()
    stripe = [100 * found["node", seed, "stripe"] for seed in (0, 1)]
    assert f"{np.mean(stripe):.2f} ± {np.std(stripe, ddof=1):.2f}" in text.replace("*", "")
    assert "| set | node | Dense-2 |" in text
    assert "Accuracy on each set" in (whole / "report.html").read_text()


def test_the_best_of_a_row_is_bold(whole):
    rows = [line for line in (whole / "table.md").read_text().splitlines() if line.startswith("| stripe")]
    assert rows[0].count("**") in (2, 4)


def test_the_rows_count_each_models_seeds_and_parameters(whole):
    rows = {row["model"]: row for row in csv.DictReader((whole / "table.csv").read_text().splitlines())}
    assert (rows["node"]["seeds"], rows["Dense-2"]["seeds"]) == ("2", "1")
    assert int(rows["node"]["parameters"]) == 64 * 8 + 8 + 64 + 8 + 8 * 10 + 10
    assert 0 < float(rows["node"]["final_mean"]) <= 1


@pytest.mark.slow
def test_stopped_half_way_and_started_again_it_comes_to_the_same(whole, tmp_path, capsys):
    out = tmp_path / "out"
    config = write(tmp_path / "tiny.yaml", directory=str(out))
    assert main(["compare", config, "--epochs", "2"]) == 0
    assert main(["compare", config, "--dry-run"]) == 0
    assert "3 of 3 cells to run, 6 epochs" in capsys.readouterr().out
    assert main(["compare", config]) == 0
    assert accuracies(out) == accuracies(whole)
    assert (out / "curves.png").read_bytes() == (whole / "curves.png").read_bytes()


def test_runs_begun_by_hand_have_their_parameters_counted(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "out")
    for path in (tmp_path / "out").glob("*/*/seed_*/cell.json"):
        path.unlink()
    config = write(tmp_path / "tiny.yaml", directory=str(tmp_path / "out"))
    assert main(["compare", config, "--report-only"]) == 0
    assert (tmp_path / "out/table.csv").read_bytes() == (whole / "table.csv").read_bytes()


def test_a_classifier_that_diverged_is_left_out(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "out")
    path = tmp_path / "out/digits/node/seed_1/metrics.jsonl"
    lines = read_metrics(path)
    write_metrics(path, [line | ({"test_loss": None} if "test_loss" in line else {}) for line in lines])
    assert main(["compare", write(tmp_path / "tiny.yaml", directory=str(tmp_path / "out")), "--report-only"]) == 0
    text = (tmp_path / "out/table.md").read_text()
    assert "- digits, node, seed 1: no evaluation was finite; the statistics leave it out" in text
    rows = {row["model"]: row for row in csv.DictReader((tmp_path / "out/table.csv").read_text().splitlines())}
    assert (rows["node"]["seeds"], rows["node"]["planned"]) == ("1", "2")


def test_a_classifier_that_diverged_at_its_end_has_its_worst_evaluation(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "out")
    path = tmp_path / "out/digits/node/seed_1/metrics.jsonl"
    lines = read_metrics(path)
    early, late = (index for index, line in enumerate(lines) if "test_loss" in line)
    lines[late] |= {"test_loss": None, "test_accuracy": 0.0, "stripe_accuracy": 0.0}
    write_metrics(path, lines)
    assert main(["compare", write(tmp_path / "tiny.yaml", directory=str(tmp_path / "out")), "--report-only"]) == 0
    found = accuracies(tmp_path / "out")
    for name in ("test", "stripe"):
        assert found["node", 1, name] == pytest.approx(lines[early][f"{name}_accuracy"], abs=1e-4)


def test_a_failing_cell_fails_alone(tmp_path, capsys):
    data = {"digits": None, "missing": {"data": {"source": "missing.npz"}}}
    models = {"Dense-2": TINY["models"]["Dense-2"]}
    base = {"data": {"corrupted": True}}
    out = str(tmp_path / "out")
    config = write(tmp_path / "two.yaml", directory=out, data=data, models=models, base=base, epochs=2)
    assert main(["compare", config]) == 1
    told = capsys.readouterr().out
    assert "failed: missing, Dense-2, seed 0: " in told
    assert "'missing.npz'" in told
    assert ("Dense-2", 0, "test") in accuracies(tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"tasks": {"Hopper-v5": None}}, [], "unknown option tasks"),
        ({}, ["--env-steps", "100"], "env_steps is not an option here"),
        ({"data": {"digits": {"threshold": "high"}}}, [], "threshold is 'high', but must be a number"),
        ({"models": {"nod": None}}, [], "did you mean 'node'"),
        ({"models": {"node": {"seeds": 0}}}, [], "seeds is 0, but must be a number ≥ 1"),
        ({"base": {"run": {"epochs": 3}}}, [], "base.run.epochs cannot be set here"),
        ({"base": {"model": {"depht": 3}}}, [], "unknown option base.model.depht"),
        ({"base": {"policy": {"hidden": 3}}}, [], "base.policy is not a section"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path, capsys, changes, arguments, message):
    config = write(tmp_path / "wrong.yaml", directory=str(tmp_path / "out"), **changes)
    assert main(["compare", config, *arguments]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_papers_tables_have_their_models(path):
    config = load_comparison(path, {})
    cells = make_cells(config, {"data.source": "elsewhere.npz"})
    table1 = path.stem.startswith("table1")
    counts = (1, 2, 4, 10) if table1 else (1, 2, 4)
    labels = {f"{family}-{k}" for family in ("Dense", "NANODE", "HyperNet", "ODEtoODE") for k in counts} | {"NODE"}
    assert set(config.learners) == labels
    assert len(cells) == len(labels) + (6 if table1 else 0)
    assert len(path.read_text().splitlines()) <= 40
    for cell in cells:
        assert isinstance(cell.config, FitConfig)
        assert cell.config.data.source == "elsewhere.npz"
        assert cell.config.optimizer.schedule_horizon == cell.config.run.epochs == cell.budget
        assert (cell.config.model.width, cell.config.model.dropout) == ((128, 0.0) if table1 else (256, 0.1))


def test_davis_table_has_its_seven_models():
    cells = make_cells(load_comparison("cifar10_table1", {}), {"data.source": "elsewhere"})
    labels = ["Auto", "AppNODE", "Con. ResNet", "Uncon. ResNet", "B-NANODE-10", "T-NANODE-10", "B-NANODE-100"]
    assert [cell.learner for cell in cells] == labels
    configs: dict[str, Any] = {cell.learner: cell.config for cell in cells}
    steps = {label: config.model.steps for label, config in configs.items()}
    assert steps == dict.fromkeys(labels, 10) | {"B-NANODE-100": 100}
    assert all(configs[cell.learner].optimizer.schedule_horizon == cell.budget for cell in cells)


def test_normalisations_of_images_are_compared_at_four_rates_each_and_else_alike():
    configs: list[Any] = [cell.config for cell in make_cells(load_comparison("image_norms", {}), {}) if cell.seed == 0]
    pairs = [(config.model.normalisation, config.optimizer.learning_rate) for config in configs]
    assert pairs == [(kind, rate) for kind in ("none", "batch", "householder") for rate in (0.01, 0.1, 0.3, 1)]
    assert {config.model.model_copy(update={"normalisation": "none"}).model_dump_json() for config in configs} == {
        configs[0].model.model_dump_json()
    }
    assert (configs[0].model.steps, configs[0].model.stages) == (100, 1)
