"""Supervised runs of models of videos: fitted, resumed to the same bits, compared, inspected and drawn."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image, ImageSequence

from odes_rl.cli.program import main
from odes_rl.compare.cells import make_cells
from odes_rl.compare.config import load_comparison
from odes_rl.config.layering import FITTING
from odes_rl.inspection import draw_videos, look_into_videos
from odes_rl.inspection.videos import signal_to_noise
from odes_rl.reports.fitted import fitted_lines
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.fit import fit
from tests.made_runs import fit_bits, fit_run, timeless

MODEL = {"width": 2, "seen": 2, "predicted": 3, "encoding": 6, "latent": 2, "recurrent": 8}
DATA = {"side": 8, "videos": 24, "test_videos": 18}
TINY = {
    **{f"model__{name}": value for name, value in MODEL.items()},
    **{f"data__{name}": value for name, value in DATA.items()},
    "model__name": "video_nanode",
    "model__dropout": 0.0,
    "model__steps": 3,
    "optimizer__batch_size": 8,
    "run__epochs": 2,
    "run__checkpoint_every": 1,
    "run__loggers": [],
}
MEASURES = ("loss", "negative_elbo", "squared_error", "divergence")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return fit_run(tmp_path_factory.mktemp("videos") / "run", **TINY)


def test_resumed_equals_uninterrupted_and_every_epoch_is_evaluated(whole, tmp_path):
    run, progress = whole
    fit_run(tmp_path / "parts", **TINY | {"run__epochs": 1})
    told = []
    with RunDirectory.open(tmp_path / "parts", {"run.epochs": 2}, FITTING) as parts:
        resumed = fit(parts, lambda metrics: None, told.append)
    assert timeless(parts) == timeless(run)
    assert fit_bits(resumed) == fit_bits(progress)
    assert [line["epoch"] for line in told] == pytest.approx([1 + 1 / 3, 1 + 2 / 3])
    for line in run.metrics():
        assert all(np.isfinite(line[f"{part}_{name}"]) for part in ("train", "test") for name in MEASURES)
        assert line["test_negative_elbo"] == pytest.approx(line["test_loss"] / 4, rel=1e-5)
        assert line["activation_bytes"] > 8 * 5 * 8 * 8 * 2 * 4


def test_it_is_inspected_and_drawn(whole, tmp_path, capsys):
    run, _ = whole
    found = look_into_videos(run)
    assert found.seen.shape == (4, 2, 8, 8, 1)
    assert found.best.shape == found.mean.shape == found.true.shape == (4, 3, 8, 8, 1)
    assert np.all(signal_to_noise(found.best, found.true) > 0)
    assert len(draw_videos(found).axes) == 4
    assert main(["inspect", str(run.path), "--output", str(tmp_path / "inside")]) == 0
    told = capsys.readouterr().out
    assert "video_nanode on digits, epoch 2: 4 test videos, 2 frames seen, 3 predicted" in told
    assert "best of 20 predictions" in told
    with Image.open(tmp_path / "inside.gif") as film:
        bars = [frame.convert("RGB").getpixel((1, 1)) for frame in ImageSequence.Iterator(film)]
    assert len(bars) == 5
    assert len(set(bars[:2])) == len(set(bars[2:])) == 1
    assert bars[0] != bars[2]
    assert (tmp_path / "inside.png").stat().st_size > 1000
    assert main(["plot", str(run.path), "--output", str(tmp_path / "curves")]) == 0
    assert (tmp_path / "curves.png").is_file()


def test_a_finished_run_tells_its_bound_and_its_memory(whole, capsys):
    run, _ = whole
    assert main(["resume", str(run.path)]) == 0
    told = capsys.readouterr().out
    last = run.metrics()[-1]
    assert f"negative ELBO after epoch 2: {last['test_negative_elbo']:.4g} a frame" in told
    assert "MB, the temporary memory of training" in told


def write_comparison(path, models, **changes):
    base = {"data": DATA, "model": MODEL, "optimizer": {"batch_size": 8}, "run": {"loggers": []}}
    data = {"moving": {"data": {"source": "digits"}, "threshold": 0.2}}
    content = {"epochs": 2, "seeds": 1, "base": base, "data": data, "models": models, "directory": "out"}
    path.write_text(yaml.safe_dump(content | changes, sort_keys=False))


def check_report(models):
    rows = {row["model"]: row for row in csv.DictReader(Path("out/table.csv").read_text().splitlines())}
    assert list(rows) == models
    for label, row in rows.items():
        lines = map(json.loads, Path(f"out/moving/{label}/seed_0/metrics.jsonl").read_text().splitlines())
        bounds = [line["test_negative_elbo"] for line in lines]
        assert float(row["best_mean"]) == pytest.approx(min(bounds))
        assert int(row["reached"]) == (min(bounds) <= 0.2)
    assert "The least is the best" in Path("out/table.md").read_text()


def test_a_comparison_ranks_by_the_least_bound(whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run, _ = whole
    shutil.copytree(run.path, tmp_path / "out/moving/NANODE/seed_0")
    write_comparison(tmp_path / "one.yaml", {"NANODE": {"model": {"name": "video_nanode"}}})
    assert main(["compare", "one.yaml", "--report-only"]) == 0
    check_report(["NANODE"])


@pytest.mark.slow
def test_the_commands_fit_and_compare(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    one = {"data": DATA, "model": MODEL | {"name": "video_svg"}, "optimizer": {"batch_size": 8}}
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(one))
    assert main(["fit", "one.yaml", "--run.epochs", "1"]) == 0
    assert "negative ELBO after epoch 1: 0." in capsys.readouterr().out
    models = {"Auto": {"model": {"name": "video_auto"}}, "NANODE": {"model": {"name": "video_nanode"}}}
    write_comparison(tmp_path / "two.yaml", models)
    assert main(["compare", "two.yaml"]) == 0
    check_report(["Auto", "NANODE"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data.crop", "2"], "data.crop is 2, but is for images"),
        (["--model.dropout", "0.1"], "model.dropout is 0.1, but must be less than or equal to 0"),
        (["--data.side", "20"], "frames are 20 × 20, but video_svg takes squares"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing_behind(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    command = ["fit", "--data.source", "digits", "--model.name", "video_svg", "--run.directory", "run"]
    assert main([*command, *arguments]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_the_papers_table_has_its_three_models_on_one_budget():
    cells = make_cells(load_comparison("video_table2", {}), {"data.source": "elsewhere"})
    assert [cell.learner for cell in cells] == ["Auto", "SVG", "NANODE"]
    configs: list[Any] = [cell.config for cell in cells]
    assert all(config.optimizer.schedule_horizon == config.run.epochs == cells[0].budget for config in configs)
    assert {cell.comparing.measure.values_label for cell in cells} == {"negative ELBO"}


def test_models_of_videos_and_of_images_are_not_compared(tmp_path, capsys):
    models = {"SVG": {"model": {"name": "video_svg"}}, "dense": None}
    content = {"epochs": 1, "data": {"digits": None}, "models": models, "directory": str(tmp_path / "out")}
    (tmp_path / "both.yaml").write_text(yaml.safe_dump(content))
    assert main(["compare", str(tmp_path / "both.yaml")]) == 2
    assert "one of dense and the model of 'SVG' is a model of videos" in capsys.readouterr().err


def test_a_run_that_diverged_is_told_in_a_line(whole, tmp_path):
    run = shutil.copytree(whole[0].path, tmp_path / "run")
    lines = [line | {"test_negative_elbo": None} for line in whole[0].metrics()]
    (run / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    assert fitted_lines(run)[0] == "negative ELBO after epoch 2: not finite, training diverged"
