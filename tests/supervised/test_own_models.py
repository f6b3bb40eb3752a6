"""Models of the user's own: what they measure is shown and drawn; wrong ones are refused."""

import json
from pathlib import Path

import pytest
import yaml

from odes_rl.cli.program import main
from odes_rl.errors import UserError
from odes_rl.reports.seeds import group_runs, read_run
from tests.made_runs import fit_run

OWN = {"model__steps": None, "model__dropout": 0.0, "run__epochs": 2}


@pytest.fixture(autouse=True)
def _findable(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def test_a_model_without_an_accuracy_is_shown_and_drawn_by_its_loss(tmp_path, capsys):
    command = ["fit", "--data.source", "digits", "--model.name", "own_models:SQUARES", "--run.epochs", "2"]
    assert main([*command, "--run.directory", str(tmp_path / "run")]) == 0
    told = capsys.readouterr().out
    last = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[-1])
    assert f"after epoch 2:\n  test_loss      {last['test_loss']:.4g}\n" in told
    assert f"test_largest   {last['test_largest']:.4g}" in told
    assert (tmp_path / "run/curve.png").exists()


def test_a_metric_of_a_model_without_an_accuracy_is_drawn_beside_a_classifiers(tmp_path):
    runs = [tmp_path / "dense", tmp_path / "own"]
    fit_run(runs[0], model__name="dense", model__depth=1, **OWN)
    fit_run(runs[1], model__name="own_models:SQUARES", **OWN)
    groups = group_runs([read_run(run, "test_loss") for run in runs])
    assert sorted(groups) == ["dense", "own_models:SQUARES"]


def test_a_comparison_tells_that_a_model_has_no_accuracy(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    models = {"linear": {}, "own": {"model": {"name": "own_models:SQUARES"}}}
    comparison = {"epochs": 1, "seeds": 1, "data": {"digits": None}, "models": models}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(comparison))
    assert main(["compare", str(tmp_path / "own.yaml"), "--directory", str(tmp_path / "out")]) == 1
    assert "failed: digits, own, seed 0: it is at its end, but measured no test accuracy" in capsys.readouterr().out
    assert "iverged" not in (tmp_path / "out/table.md").read_text()


def test_a_model_with_its_own_loss_sees_images_as_they_are(tmp_path):
    with pytest.raises(
        UserError, match=r"data.standardise is channel, but model 'own_models:SQUARES' brings its own loss"
    ):
        fit_run(tmp_path / "run", model__name="own_models:SQUARES", data__standardise="channel", **OWN)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("RENAMED", "`measure` must return a scalar, the loss, and a dictionary of scalars of other names"),
        ("UNREDUCED", "`measure` must return a scalar, the loss, and a dictionary of scalars of other names"),
        ("NARROW", r"its outputs are \(2, 3\), but must be \(2, 10\)"),
        ("WHOLE", r"params\['weight'\] is of int32, but must be floats"),
        ("OFF", r"the model's params\['weight'\] lies .* off the manifold Stiefel"),
        ("NOTHING", "its `build` returns None, but must return a Model"),
    ],
)
def test_a_wrong_model_is_told_in_one_line(name, said, tmp_path):
    with pytest.raises(UserError, match=said):
        fit_run(tmp_path / "run", model__name=f"own_models:{name}", **OWN)
