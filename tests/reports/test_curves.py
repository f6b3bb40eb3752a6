"""Seeds become means with deviations; files are drawn from run directories alone."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import yaml
from matplotlib.collections import LineCollection

from odes_rl.cli.program import main
from odes_rl.errors import UserError
from odes_rl.reports.curves import draw_curves, plot_curves
from odes_rl.reports.finding import find_runs
from odes_rl.reports.seeds import Run, average_runs, group_runs, measure_of, read_run
from tests.comparisons import record


@pytest.fixture
def make_run(tmp_path):
    def make_run(name, returns, *, policy="linear", task="Swimmer-v5", evaluated=False, sigma=0.1, **run):
        directory = tmp_path / name
        directory.mkdir()
        config = {
            "task": {"id": task},
            "policy": {"name": policy},
            "strategy": {"sigma": sigma},
            "rollouts": {name: run.pop(name, None) for name in ("workers", "deadline", "address")}
            | {"backend": run.pop("backend", "serial")},
            "run": {"directory": str(directory), "generations": len(returns), **run},
        }
        (directory / "config.yaml").write_text(yaml.safe_dump(config))
        key = "evaluation_return_mean" if evaluated else "return_mean"
        lines = [{"generation": i, "env_steps": 100 * i, key: value} for i, value in enumerate(returns)]
        (directory / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return directory

    return make_run


def test_seeds_of_one_experiment_are_averaged(make_run):
    free = [{"workers": 1}, {"workers": 2, "deadline": 1200.0}, {"address": "auto"}]
    paths = [make_run(f"s{seed}", [seed, 3.0 * seed, 10], seed=seed, **free[seed]) for seed in range(3)]
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


@pytest.mark.parametrize("strategy", [{"learning_rate_schedule": "cosine"}, {"horizon": "growing"}])
def test_the_length_of_a_run_tells_experiments_apart_where_a_schedule_goes_by_it(make_run, strategy):
    def told(**options):
        paths = [make_run("_".join([*options, str(n)]), [1.0] * n, seed=n) for n in (2, 3)]
        for path in paths:
            config = yaml.safe_load((path / "config.yaml").read_text())
            config["strategy"] |= options
            (path / "config.yaml").write_text(yaml.safe_dump(config))
        return list(group_runs([read_run(path) for path in paths]))

    apart = ["linear, generations 2", "linear, generations 3"]
    assert told() == ["linear"]
    assert told(**strategy) == apart
    assert told(**strategy, schedule_horizon=9) == (apart if "horizon" in strategy else ["linear"])


def test_a_backend_with_episodes_of_its_own_tells_experiments_apart(make_run):
    paths = [make_run(backend, [1, 2], seed=0, backend=backend) for backend in ("mjx", "serial")]
    assert list(group_runs([read_run(path) for path in paths])) == [
        "linear, backend mjx",
        "linear, backend reproducible",
    ]


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


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("curves", ["curves.png", "curves.pdf"]),
        ("curves.png", ["curves.png"]),
        ("curves.PDF", ["curves.PDF"]),
        ("curves.svg", ["curves.svg"]),
    ],
)
def test_the_ending_says_what_is_written(make_run, tmp_path, name, files):
    written = plot_curves([make_run("run", [1.0, 2.0])], tmp_path / "new" / name)
    assert [path.name for path in written] == files
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(files)
    starts = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
    for path in written:
        assert path.read_bytes().startswith(starts[path.suffix.lower()])


@pytest.mark.parametrize("command", ["plot", "inspect"])
def test_another_ending_is_a_mistake_with_nothing_written(command, make_run, tmp_path, capsys):
    assert main([command, str(make_run("run", [1.0])), "--output", str(tmp_path / "new/x.jpeg")]) == 2
    told = capsys.readouterr().err
    assert "x.jpeg', but must end in .png, .pdf, .svg, or have no extension" in told
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["plot", "inspect"])
@pytest.mark.parametrize("output", [".", "pictures/"])
def test_a_directory_is_no_name_of_a_picture(command, output, make_run, capsys):
    assert main([command, str(make_run("run", [1.0])), "--output", output]) == 2
    assert f"output is '{output}', a directory: name a file in it" in capsys.readouterr().err


def marks(axes):
    """The texts of the marks along the axis of steps that are seen."""
    axes.figure.draw_without_rendering()
    low, high = axes.get_xlim()
    return [label.get_text() for label in axes.get_xticklabels() if low <= label.get_position()[0] <= high]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([0], ["0"]),
        ([123_456], ["123.456 k"]),
        ([0, 1], ["0", "1"]),
        ([0, 2], ["0", "1", "2"]),
        ([0, 100], ["0", "20", "40", "60", "80", "100"]),
        ([0, 2_000], ["0", "250", "500", "750", "1,000", "1,250", "1,500", "1,750", "2,000"]),
        ([0, 50_000], ["0", "10 k", "20 k", "30 k", "40 k", "50 k"]),
        (range(0, 2_000_001, 1000), ["0", "0.25 M", "0.5 M", "0.75 M", "1 M", "1.25 M", "1.5 M", "1.75 M", "2 M"]),
    ],
)
def test_marks_of_the_axis_are_whole_steps_in_one_unit(steps, expected):
    run = Run({"task.id": "Swimmer-v5"}, np.array(steps, float), np.arange(len(steps), dtype=float))
    assert marks(draw_curves([run]).axes[0]) == expected


def test_a_single_point_of_several_seeds_has_a_bar():
    runs = [Run({"run.seed": seed}, np.zeros(1), np.array([value])) for seed, value in enumerate((1.0, 3.0))]
    axes = draw_curves(runs).axes[0]
    (bars,) = axes.collections
    assert isinstance(bars, LineCollection)
    (segment,) = bars.get_segments()
    np.testing.assert_allclose(segment, [[0, 2 - 2**0.5], [0, 2 + 2**0.5]])


def test_a_panel_a_task_in_which_a_policy_looks_the_same(make_run):
    places = [("a", "Swimmer-v5", "linear"), ("b", "Swimmer-v5", "nanode"), ("c", "Hopper-v5", "nanode")]
    figure = draw_curves([read_run(make_run(name, [1, 2], task=task, policy=p)) for name, task, p in places])
    assert [axes.get_title() for axes in figure.axes] == ["Hopper-v5", "Swimmer-v5"]
    styles = [{line.get_label(): (line.get_color(), line.get_marker()) for line in axes.lines} for axes in figure.axes]
    named = [{label: style for label, style in own.items() if not str(label).startswith("_")} for own in styles]
    assert list(named[0]) == ["nanode"]
    assert set(named[1]) == {"linear", "nanode"}
    assert named[0]["nanode"] == named[1]["nanode"] != named[1]["linear"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["nanode (1 seed)", "linear (1 seed)"]


def test_a_metric_is_drawn_in_place_of_returns(make_run, tmp_path, capsys):
    path = make_run("run", [1.0, 5.0])
    run = read_run(path, "generation")
    np.testing.assert_array_equal(run.returns, [0, 1])
    assert draw_curves([run]).axes[0].get_ylabel() == "generation"
    assert main(["plot", str(path), "--metric", "return_maen", "--output", str(tmp_path / "x.png")]) == 2
    told = capsys.readouterr().err
    assert "no run has a metric 'return_maen': did you mean 'return_mean'? valid are env_steps, generation," in told
    assert main(["plot", str(path), "--metric", "return_mean", "--output", str(tmp_path / "x.png")]) == 0


def test_a_metric_of_both_kinds_of_runs_is_not_drawn_in_one_picture(make_run, tmp_path):
    fitted = tmp_path / "fitted"
    fitted.mkdir()
    (fitted / "config.yaml").write_text(yaml.safe_dump({"model": {"name": "dense"}, "run": {"epochs": 1}}))
    (fitted / "metrics.jsonl").write_text(json.dumps({"epoch": 1, "test_accuracy": 0.5, "wall_seconds": 1.0}) + "\n")
    trained = make_run("trained", [1.0])
    (trained / "metrics.jsonl").write_text(json.dumps({"env_steps": 1, "return_mean": 5.0, "wall_seconds": 1.0}) + "\n")
    for metric, told in ((None, "test accuracy"), ("wall_seconds", "some runs are of policies")):
        with pytest.raises(UserError, match=f"{told}.*: give runs of one kind"):
            measure_of([read_run(path, metric) for path in (fitted, trained)])


def test_a_comparisons_directory_stands_for_its_runs(tmp_path):
    data = {
        ("A-v5", "nanode"): [[1.0, 2], [3.0, 4]],
        ("A-v5", "own label"): [[1.0, 2]],
        ("B-v5", "nanode"): [[5.0, 6], []],
    }
    comparison = record(tmp_path / "all", data)
    (comparison.places[-1].path / "metrics.jsonl").unlink()  # has not begun
    found = find_runs([tmp_path / "all"])
    assert [(path.name, label) for path, label in found] == [
        ("seed_0", "nanode"),
        ("seed_1", "nanode"),
        ("seed_0", "own label"),
        ("seed_0", "nanode"),
    ]
    assert [path for path, _ in find_runs([tmp_path / "all/B-v5"])] == [tmp_path / "all/B-v5/nanode/seed_0"]
    assert plot_curves([tmp_path / "all"], tmp_path / "x.png") == [tmp_path / "x.png"]
    figure = draw_curves([read_run(path, label=label) for path, label in found])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "nanode (mean ± standard deviation of 1 or 2 seeds)",
        "own label (1 seed)",
    ]


def test_a_comparison_with_nothing_to_show_is_a_mistake(tmp_path):
    comparison = record(tmp_path, {("A-v5", "nanode"): [[], []]})
    with pytest.raises(UserError, match="none of 2 runs has metrics to draw yet"):
        plot_curves([tmp_path], tmp_path / "x.png")
    for place in comparison.places:
        (place.path / "metrics.jsonl").unlink()
    with pytest.raises(UserError, match="without a started run"):
        plot_curves([tmp_path], tmp_path / "x.png")


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
    with pytest.raises(UserError, match="nan' has no finite return: all that it has so far diverged"):
        plot_curves([make_run("nan", [None])], tmp_path / "x.png")
    runs = [make_run("evaluated", [1.0], evaluated=True), make_run("other", [1.0])]
    with pytest.raises(UserError, match="other' has no metric evaluation_return_mean"):
        plot_curves(runs, tmp_path / "x.png", metric="evaluation_return_mean")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        plot_curves([make_run("run", [1.0])], tmp_path / "file" / "x.png")
    assert not list(tmp_path.glob("x.*"))


def test_plotting_imports_no_jax(make_run, tmp_path):
    code = "import sys; from odes_rl.cli.program import main; main(sys.argv[1:]); sys.exit('jax' in sys.modules)"
    arguments = ["plot", str(make_run("run", [1.0])), "--output", str(tmp_path / "x.png")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)


def test_any_backend_of_matplotlib_and_any_encoding_of_the_terminal_will_do(make_run, tmp_path):
    code = "import sys; from odes_rl.cli.program import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["plot", str(make_run("run", [1.0])), "--output", str(tmp_path / "größe ±")]
    odd = {"MPLBACKEND": "nonsense", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    environment = {**os.environ, **odd}
    told = subprocess.run([sys.executable, "-c", code, *arguments], check=True, env=environment, capture_output=True)
    assert b"gr\\xf6\\xdfe \\xb1.png" in told.stdout
    assert (tmp_path / "größe ±.png").exists()


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
    with pytest.raises(UserError, match="runs of one kind"):
        draw_curves([*runs, read_run(make_run("trained", [1, 2]))])
