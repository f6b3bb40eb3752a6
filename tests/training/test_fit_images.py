"""Supervised runs of models of images: fitted, resumed to the same bits, compared, inspected and drawn."""

import csv
import json

import matplotlib.image
import numpy as np
import pytest
import yaml

from odes_rl.cli.program import main
from odes_rl.config.layering import FITTING
from odes_rl.inspection import look_into_images
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.supervised.models import MODELS
from odes_rl.training.fit import fit
from tests.made_runs import fit_bits, fit_run, timeless

NAMES = [name for name in MODELS if MODELS.find(name).takes == "images"]
SETTLING = {
    "model__name": "image_t_nanode",
    "model__degree": 1,
    "model__width": 4,
    "model__stages": 1,
    "model__steps": 2,
    "model__normalisation": "batch",
    "data__crop": 1,
    "data__standardise": "channel",
    "optimizer__batch_size": 300,
    "run__epochs": 3,
    "run__checkpoint_every": 1,
    "run__loggers": [],
}
"""Everything that changes in training: batches, dropout, augmentation, statistics."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return fit_run(tmp_path_factory.mktemp("images") / "run", **SETTLING)


def test_resumed_equals_uninterrupted_and_unfinished_epochs_are_told(whole, tmp_path):
    run, progress = whole
    fit_run(tmp_path / "parts", **SETTLING | {"run__epochs": 2})
    told = []
    with RunDirectory.open(tmp_path / "parts", {"run.epochs": 3}, FITTING) as parts:
        resumed = fit(parts, lambda metrics: None, told.append)
    assert timeless(parts) == timeless(run)
    assert fit_bits(resumed) == fit_bits(progress)
    assert [line["epoch"] for line in told] == pytest.approx([2.25, 2.5, 2.75])
    assert run.metrics()[-1]["activation_bytes"] > 300 * 8 * 8 * 4 * 4
    assert np.all(np.asarray(progress.state.params["statistics"]["after"][0].variance) != 1)


def test_interrupted_within_an_epoch_it_goes_on_to_the_same_end(whole, tmp_path):
    run, progress = whole

    def disturb(metrics):
        if metrics["epoch"] > 1.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_watched(tmp_path / "parts", disturb)
    with RunDirectory.open(tmp_path / "parts", {}, FITTING) as parts:
        assert parts.checkpoints.latest_generation() == 1
        resumed = fit(parts, lambda metrics: None)
    assert timeless(parts) == timeless(run)
    assert fit_bits(resumed) == fit_bits(progress)


def fit_watched(directory, watch):
    fit_run(directory, **SETTLING | {"run__epochs": 1})
    with RunDirectory.open(directory, {"run.epochs": 3}, FITTING) as run:
        fit(run, lambda metrics: None, watch)


def test_it_is_inspected_and_drawn(whole, tmp_path, capsys):
    run, _ = whole
    found = look_into_images(run)
    assert found.norms.shape == (3, 100)
    np.testing.assert_allclose(found.ratios[-1], 1)
    assert found.weights.singular_values.shape == (2, 4)
    assert main(["inspect", str(run.path), "--output", str(tmp_path / "inside")]) == 0
    told = capsys.readouterr().out
    assert "image_t_nanode on digits, epoch 3: 100 test examples" in told
    assert "through 1 stage of 2 steps" in told
    assert matplotlib.image.imread(tmp_path / "inside.png").std() > 0.05
    assert main(["plot", str(run.path), "--output", str(tmp_path / "curves")]) == 0
    assert (tmp_path / "curves.png").is_file()


def test_the_commands_fit_and_compare_and_show_the_memory(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = {"width": 4, "stages": 1, "steps": 2}
    (tmp_path / "one.yaml").write_text(yaml.safe_dump({"model": {"name": "image_auto"} | model, "run": {"epochs": 1}}))
    assert main(["fit", "one.yaml", "--optimizer.batch-size", "300"]) == 0
    told = capsys.readouterr().out
    assert "accuracy after epoch 1:" in told
    assert "MB, the temporary memory of training" in told
    models = {"Auto": {"model": {"name": "image_auto"}}, "Dense": {"model": {"name": "dense"}}}
    comparison = {"epochs": 1, "seeds": 1, "data": {"digits": None}, "models": models, "directory": "out"}
    base = {"model": model, "optimizer": {"batch_size": 300}}
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(comparison | {"base": base}))
    assert main(["compare", "two.yaml"]) == 0
    rows = {row["model"]: row for row in csv.DictReader((tmp_path / "out/table.csv").read_text().splitlines())}
    line = json.loads((tmp_path / "out/digits/Auto/seed_0/metrics.jsonl").read_text().splitlines()[-1])
    assert int(rows["Auto"]["activation_bytes"]) == line["activation_bytes"] > int(rows["Dense"]["activation_bytes"])
    assert "| parameters, MB | activations, MB |" in (tmp_path / "out/table.md").read_text()
    assert main(["fit", "one.yaml", "--data.source", "missing"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_model_of_images_learns_the_digits(name, tmp_path):
    own = {"image_b_nanode": {"model__buckets": 3}}.get(name, {})
    options = {"model__width": 8, "model__stages": 2, "model__steps": 3, "model__name": name} | own
    learning = {"optimizer__learning_rate": 0.02, "optimizer__batch_size": 64, "run__epochs": 6, "model__dropout": 0.0}
    run, _ = fit_run(tmp_path / "run", **options, **learning)
    assert run.metrics()[-1]["test_accuracy"] > 0.9
