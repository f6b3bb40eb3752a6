"""Seeds become means with deviations; files are drawn from run directories alone."""

import json
import subprocess
import sys

import numpy as np
import pytest
import yaml

from odes_rl.errors import UserError
from odes_rl.reports.curves import draw_curves, plot_curves
from odes_rl.reports.seeds import Run, average_runs, group_runs, read_run


@pytest.fixture
def make_run(tmp_path):
    def make_run(name, returns, *, policy="linear", evaluated=False, sigma=0.1, **run):
        directory = tmp_path / name
        directory.mkdir()
        config = {
            "task": {"id": "Swimmer-v5"},
            "policy": {"name": policy},
            "strategy": {"sigma": sigma},
            "rollouts": {"workers": run.pop("workers", None), "backend": run.pop("backend", "serial")},
            "run": {"directory": str(directory), "generations": len(returns), **run},
        }
        (directory / "config.yaml").write_text(yaml.safe_dump(config))
        key = "evaluation_return_mean" if evaluated else "return_mean"
        lines = [{"generation": i, "env_steps": 100 * i, key: value} for i, value in enumerate(returns)]
        (directory / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return directory

    return make_run


def test_seeds_of_one_experiment_are_averaged(make_run):
    paths = [make_run(f"s{seed}", [seed, 3.0 * seed, 10], seed=seed, workers=seed + 1) for seed in range(3)]
    groups = group_runs([read_run(path) for path in paths])
    assert list(groups) == ["linear"]
    curve = average_runs(groups["linear"])
    np.testing.assert_array_equal(curve.steps, [0, 100, 200])
    np.testing.assert_allclose(curve.mean, [1, 3, 10])
    np.testing.assert_allclose(curve.deviation, [1, 3, 0])
    assert curve.seeds == 3


def test_a_seed_counts_once_and_its_longest_run_stands_for_it(make_run, caplog):
    paths = [make_run("short", [1, 2], seed=0), make_run("long", [1, 2, 3], seed=0, backend="processes")]
    (group,) = group_runs([read_run(path) for path in [*paths, paths[1], make_run("other", [4, 5], seed=1)]]).values()
    assert [run.returns.tolist() for run in group] == [[1, 2, 3], [4, 5]]
    assert average_runs(group).seeds == 2
    assert "seed 0" in caplog.text


def test_returns_between_the_points_of_seeds_are_interpolated():
    a = Run({}, np.array([0.0, 100]), np.array([0.0, 10]))
    b = Run({}, np.array([0.0, 50, 100]), np.array([0.0, 15, 20]))
    curve = average_runs([a, b])
    np.testing.assert_allclose(curve.steps, [0, 50, 100])
    np.testing.assert_allclose(curve.mean, [0, 10, 15])


def test_a_mean_reaches_as_far_as_all_seeds_and_the_longer_ones_go_on_alone(make_run):
    paths = [make_run("short", [0, 2], seed=0), make_run("long", [0, 4, 9, 9], seed=1)]
    runs = [read_run(path) for path in paths]
    curve = average_runs(runs)
    np.testing.assert_allclose(curve.steps, [0, 100])
    np.testing.assert_allclose(curve.mean, [0, 3])
    lines = [np.asarray(line.get_xydata()).tolist() for line in draw_curves(runs).axes[0].lines]
    assert [[100, 4], [200, 9], [300, 9]] in lines


def test_experiments_that_differ_are_told_apart_by_what_differs(make_run):
    paths = [
        make_run("a", [1, 2], policy="linear"),
        make_run("b", [1, 2], policy="nanode", sigma=0.1),
        make_run("c", [1, 2], policy="nanode", sigma=0.2),
    ]
    labels = list(group_runs([read_run(path) for path in paths]))
    assert labels == ["linear, sigma 0.1", "nanode, sigma 0.1", "nanode, sigma 0.2"]


def test_evaluations_come_before_returns_of_candidates(make_run):
    path = make_run("run", [1.0, 2.0, 3.0], evaluated=True)
    with (path / "metrics.jsonl").open("a") as file:
        file.write('{"generation": 3, "env_steps": 300, "return_mean": 99}\n{"generation": 4, "env_st')
    run = read_run(path)
    np.testing.assert_allclose(run.returns, [1, 2, 3])


def test_returns_that_were_not_finite_leave_a_gap(make_run):
    np.testing.assert_allclose(read_run(make_run("run", [1.0, None, 3.0])).steps, [0, 200])


@pytest.mark.parametrize("name", ["curves.png", "curves.pdf", "curves"])
def test_png_and_pdf_are_written(make_run, tmp_path, name):
    png, pdf = plot_curves([make_run("run", [1.0, 2.0])], tmp_path / "new" / name)
    assert (png.name, pdf.name) == ("curves.png", "curves.pdf")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")


def test_the_legend_covers_nothing_and_lines_differ_without_colour(make_run):
    policies = [f"policy_{i}" for i in range(9)]
    runs = [read_run(make_run(name, [i, i + 1], policy=name)) for i, name in enumerate(policies)]
    figure = draw_curves(runs)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    legend, drawn = figure.legends[0].get_window_extent(), axes.get_tightbbox()
    assert drawn is not None
    assert not drawn.overlaps(legend)
    assert figure.bbox.y0 <= legend.y0
    styles = {(line.get_linestyle(), line.get_marker()) for line in axes.lines if line.get_marker() != "None"}
    assert len(styles) == len(policies)


def test_mistakes_are_told(make_run, tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        plot_curves([tmp_path], tmp_path / "x.png")
    with pytest.raises(UserError, match="no finite return yet"):
        plot_curves([make_run("empty", [])], tmp_path / "x.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        plot_curves([make_run("run", [1.0])], tmp_path / "file" / "x.png")
    assert not list(tmp_path.glob("x.*"))


def test_plotting_imports_no_jax(make_run, tmp_path):
    code = "import sys; from odes_rl.cli import main; main(sys.argv[1:]); sys.exit('jax' in sys.modules)"
    arguments = ["plot", str(make_run("run", [1.0])), "--output", str(tmp_path / "x.png")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)


def test_supervised_runs_show_accuracies_over_epochs_and_do_not_mix_with_others(tmp_path, make_run):
    for name, accuracy in (("dense", 0.5), ("node", 0.75)):
        directory = tmp_path / name
        directory.mkdir()
        config = {"data": {"source": "digits"}, "model": {"name": name}, "run": {"seed": 0, "epochs": 2}}
        (directory / "config.yaml").write_text(yaml.safe_dump(config))
        lines = [{"epoch": 1, "train_loss": 1.0}, {"epoch": 2, "test_accuracy": accuracy}]
        (directory / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    runs = [read_run(tmp_path / name) for name in ("dense", "node")]
    assert [(run.steps.tolist(), run.returns.tolist()) for run in runs] == [([2], [0.5]), ([2], [0.75])]
    axes = draw_curves(runs).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("epochs", "test accuracy", "digits")
    with pytest.raises(UserError, match="those of one kind"):
        draw_curves([*runs, read_run(make_run("trained", [1, 2]))])
