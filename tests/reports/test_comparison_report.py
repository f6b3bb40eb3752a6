"""The report of a comparison: each picture has the panels and the data of the metrics, each table their numbers."""

import base64
import csv
import io
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml

from odes_rl.errors import UserError
from odes_rl.reports.comparison import read_results
from odes_rl.reports.comparison_report import write_report
from odes_rl.reports.curves import plot_curves
from odes_rl.reports.measures import ACCURACIES, RETURNS
from odes_rl.reports.page import headline, notes, page_text, remarks, stuck_lines
from odes_rl.reports.panels import INTERQUARTILE, MEAN, draw_panels
from odes_rl.reports.rows import make_rows
from odes_rl.reports.seeds import read_run
from odes_rl.reports.statistics import interquartile_interval, interquartile_mean
from odes_rl.runs.metrics import read_metrics, write_metrics
from tests.comparisons import record

STEPS = np.arange(11) * 100.0


def curves(tasks=("A-v5", "B-v5"), policies=("ode_to_ode", "nanode", "linear"), seeds=3, seed=0):
    rng = np.random.default_rng(seed)
    return {(t, p): rng.normal(size=(seeds, STEPS.size)).cumsum(axis=1).tolist() for t in tasks for p in policies}


@pytest.fixture
def recorded(tmp_path):
    data = curves()
    return record(tmp_path, data, thresholds={"A-v5": 1.0, "B-v5": None}), data


def panels(comparison, kind):
    results = read_results(comparison)
    return draw_panels(comparison, results, list(comparison.thresholds), kind)


def line_of(axes, label):
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def band_of(axes, index):
    """The lower and the upper end of a band, at each of its steps."""
    points = np.asarray(axes.collections[index].get_paths()[0].vertices, float)
    at_steps = [points[points[:, 0] == step, 1] for step in np.unique(points[:, 0])]
    return np.array([y.min() for y in at_steps]), np.array([y.max() for y in at_steps])


def test_a_panel_a_task_with_means_and_deviations_of_the_metrics(recorded):
    comparison, data = recorded
    figure = panels(comparison, MEAN)
    assert [axes.get_title() for axes in figure.axes] == ["A-v5", "B-v5"]
    for axes in figure.axes:
        for index, policy in enumerate(comparison.learners):
            values = np.array(data[axes.get_title(), policy])
            steps, drawn = line_of(axes, policy)
            np.testing.assert_array_equal(steps, STEPS)
            np.testing.assert_allclose(drawn, values.mean(axis=0))
            low, high = band_of(axes, index)
            np.testing.assert_allclose((low + high) / 2, values.mean(axis=0))
            np.testing.assert_allclose((high - low) / 2, values.std(axis=0, ddof=1))


def test_the_second_picture_has_interquartile_means_in_their_intervals(tmp_path):
    data = curves(seeds=5)
    figure = panels(record(tmp_path, data), INTERQUARTILE)
    for axes in figure.axes:
        values = np.array(data[axes.get_title(), "nanode"])
        np.testing.assert_allclose(line_of(axes, "nanode")[1], interquartile_mean(values))
        interval = interquartile_interval(values)
        assert interval
        np.testing.assert_allclose(band_of(axes, 1), interval)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_axes_carry_their_names_and_the_legend_covers_nothing(tmp_path, count):
    policies = ("ode_to_ode", "nanode", "hyper_net", "base_ode", "deep_net", "deep_res_net", "linear")
    figure = panels(record(tmp_path, curves([f"Task{i}-v5" for i in range(count)], policies, 2)), MEAN)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    frame = legend.get_window_extent()
    assert [text.get_text() for text in legend.get_texts()] == list(policies)
    assert figure.bbox.x0 <= frame.x0
    assert frame.x1 <= figure.bbox.x1
    assert figure.bbox.y0 <= frame.y0
    assert len(figure.axes) == count
    drawn = [box for axes in figure.axes if (box := axes.get_tightbbox())]
    assert len(drawn) == count
    for place, axes in enumerate(figure.axes):
        assert axes.get_xlabel() == "environment steps"
        assert axes.get_ylabel() == "return"
        assert not drawn[place].overlaps(frame)
        assert not any(drawn[place].overlaps(other) for other in drawn[:place])


def test_policies_are_told_apart_without_colour_and_alike_in_every_panel(tmp_path):
    policies = tuple(f"policy_{i}" for i in range(9))
    figure = panels(record(tmp_path, curves(policies=policies, seeds=1)), MEAN)
    styles = [[(line.get_linestyle(), line.get_marker()) for line in axes.lines] for axes in figure.axes]
    assert styles[0] == styles[1]
    assert len(set(styles[0])) == len(policies)


def test_an_unfinished_seed_is_a_thin_line_and_no_part_of_the_mean(tmp_path):
    data = {("A-v5", "nanode"): [[0.0] * 11, [2.0] * 11, [9.0] * 4], ("A-v5", "linear"): [[1.0] * 11]}
    comparison = record(tmp_path, data)
    (axes,) = panels(comparison, MEAN).axes
    steps, drawn = line_of(axes, "nanode")
    assert steps[-1] == 1000
    np.testing.assert_allclose(drawn, 1.0)
    thin = [line for line in axes.lines if line.get_linewidth() < 1]
    assert [np.asarray(line.get_xydata())[-1].tolist() for line in thin] == [[300, 9]]
    row = make_rows(comparison, read_results(comparison))[0]
    assert (row.finished, row.planned, row.final_mean) == (2, 3, 1.0)


def test_as_long_as_no_seed_is_finished_all_of_them_plot(tmp_path):
    data = {("A-v5", "nanode"): [[0.0] * 6, [2.0] * 4], ("A-v5", "linear"): [[1.0] * 2]}
    comparison = record(tmp_path, data)
    (axes,) = panels(comparison, MEAN).axes
    assert line_of(axes, "nanode")[0][-1] == 300
    assert line_of(axes, "linear")[0][-1] == 100
    assert [row.finished for row in make_rows(comparison, read_results(comparison))] == [0, 0]


def test_curves_end_where_the_budget_does(tmp_path):
    comparison = record(tmp_path, {("A-v5", "linear"): [list(range(11))]}, env_steps=450)
    (result,) = read_results(comparison)
    assert result.finished
    assert result.run.steps[-1] == 500
    assert result.run.returns[-1] == 5


def test_the_table_has_the_numbers_of_the_metrics(tmp_path):
    data = {
        ("A-v5", "nanode"): [np.linspace(0, 10, 11).tolist(), [0.0] * 10 + [4.0]],
        ("A-v5", "linear"): [[0.0] * 10 + [6.0], [0.0] * 10 + [4.0]],
    }
    comparison = record(tmp_path, data, thresholds={"A-v5": 5.0})
    nanode, linear = make_rows(comparison, read_results(comparison))
    assert (nanode.parameters, linear.parameters) == (60, 60)
    assert (nanode.best_mean, nanode.final_mean) == (7, 7)
    assert nanode.final_std == pytest.approx(np.std([10, 4], ddof=1))
    assert (nanode.final_iqm, nanode.final_iqm_low, nanode.final_iqm_high) == (7, 4, 10)
    assert nanode.area_mean == pytest.approx((5 + 0.2) / 2)
    assert (nanode.reached, nanode.steps_to_threshold) == (1, 500)
    assert nanode.improvement == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert linear.improvement is None
    assert nanode.speed == 205.5


def test_one_seed_a_side_is_a_number_and_nothing_more(tmp_path):
    comparison = record(tmp_path / "runs", curves(seeds=1, policies=("nanode", "linear")))
    rows = make_rows(comparison, read_results(comparison))
    assert {(row.final_iqm, row.improvement, row.best_std, row.final_std, row.area_std) for row in rows} == {
        (None,) * 5
    }
    for kind in (MEAN, INTERQUARTILE):
        assert panels(comparison, kind).get_suptitle() == "one seed each"
    write_report(comparison, tmp_path / "report")
    lines = (tmp_path / "report/table.md").read_text().splitlines()
    table = [line.split(" | ") for line in lines if line.startswith("| nanode")]
    assert [(cells[5], cells[8]) for cells in table] == [("–", "–")] * 2
    assert not [cells for cells in table if "±" in "".join(cells) or "[" in "".join(cells)]


def test_a_picture_says_which_of_its_lines_are_of_one_seed(tmp_path):
    data = {("A-v5", "nanode"): [[0.0] * 11, [2.0] * 11], ("A-v5", "linear"): [[1.0] * 11]}
    figure = panels(record(tmp_path, data), MEAN)
    title = " ".join(figure.get_suptitle().split())
    assert title == "mean ± standard deviation over seeds; no band: one seed"
    figure.draw_without_rendering()
    (drawn,) = (text.get_window_extent() for text in figure.texts)
    assert figure.bbox.x0 <= drawn.x0
    assert drawn.x1 <= figure.bbox.x1


def test_unfinished_runs_are_not_measured_against_finished_ones(tmp_path):
    data = {("A-v5", "nanode"): [[0.0] * 6, [2.0] * 6], ("A-v5", "linear"): [[1.0] * 11, [1.0] * 11]}
    comparison = record(tmp_path, data)
    nanode, _ = make_rows(comparison, read_results(comparison))
    assert (nanode.final_iqm, nanode.improvement, nanode.improvement_low) == (1.0, None, None)


def test_a_run_that_diverges_ends_with_its_worst_evaluation_and_leaves_the_others_alone(tmp_path):
    healthy = {("A-v5", "linear"): [[1.0, 2.0, *[3.0] * 9]] * 2}
    diverging: dict = {("A-v5", "nanode"): [[1.0, 4.0, *[None] * 9], [2.0] * 11]}
    alone, both = record(tmp_path / "alone", healthy), record(tmp_path / "both", {**diverging, **healthy})
    (expected,) = make_rows(alone, read_results(alone))
    nanode, linear = make_rows(both, read_results(both))
    assert linear.area_mean == expected.area_mean
    assert (nanode.final_mean, nanode.best_mean, nanode.improvement) == (1.5, 3.0, 0.0)


def test_runs_without_one_finite_evaluation_are_told_and_leave_no_statistics_of_survivors(tmp_path):
    data: dict = {("A-v5", "nanode"): [[1.0] * 11, [None] * 11, [2.0] * 11], ("A-v5", "linear"): [[1.0] * 11] * 3}
    comparison = record(tmp_path, data)
    results = read_results(comparison)
    nanode, linear = make_rows(comparison, results)
    assert (nanode.seeds, nanode.planned, nanode.improvement, linear.seeds) == (2, 3, None, 3)
    assert headline(comparison, results).endswith("6 of 6 runs are finished.")
    told = {"Diverged": ["A-v5, nanode, seed 1: no evaluation was finite; the statistics leave it out"]}
    assert remarks(comparison, results) == told
    assert f"<h2>Diverged</h2><ul><li>{told['Diverged'][0]}" in page_text(comparison, results, [nanode, linear])


def test_plots_of_a_comparison_name_the_runs_that_diverged(tmp_path, caplog):
    data: dict = {("A-v5", "nanode"): [[1.0] * 11, [None] * 11], ("A-v5", "linear"): [[1.0] * 11] * 2}
    record(tmp_path / "runs", data)
    plot_curves([tmp_path / "runs"], tmp_path / "curves.png")
    (told,) = [entry.getMessage() for entry in caplog.records]
    assert told.startswith("left out: ")
    assert "seed_1' has no finite return" in told


def test_what_has_no_evaluation_is_named(tmp_path):
    data = {
        ("A-v5", "nanode"): [[]],
        ("A-v5", "linear"): [[1.0] * 11],
        ("B-v5", "nanode"): [[]],
        ("B-v5", "linear"): [[]],
    }
    comparison = record(tmp_path, data)
    told = headline(comparison, read_results(comparison))
    assert told.endswith("1 of 4 runs are finished. No evaluation yet: A-v5, nanode; all of B-v5.")


def test_a_run_is_finished_at_the_budget_of_its_task(tmp_path):
    data = {("A-v5", "linear"): [[1.0] * 11], ("B-v5", "linear"): [[1.0] * 6]}
    comparison = record(tmp_path, data)._replace(budgets={"A-v5": 1000, "B-v5": 500})
    results = read_results(comparison)
    assert all(result.finished for result in results)
    assert "500 to 1,000 environment steps a run; 2 of 2 runs are finished." in headline(comparison, results)


def test_the_report_holds_everything_and_needs_nothing_else(tmp_path):
    comparison = record(
        tmp_path / "runs",
        curves(seeds=2),
        thresholds={"A-v5": 1.0, "B-v5": None},
        failures={("A-v5", "nanode", 1): "RuntimeError: <it> went wrong"},
    )
    written = write_report(comparison, tmp_path / "report")
    names = {path.name for path in written}
    assert names == {
        "report.html",
        "table.md",
        "table.csv",
        "evaluations.csv",
        "curves.png",
        "curves.pdf",
        "interquartile.png",
        "interquartile.pdf",
    }
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) == 4
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)
    assert not re.findall(r"(?:src|href)=\"(?!data:)|url\(|@import|<script", page)
    assert 'name="viewport"' in page
    assert "&lt;it&gt; went wrong" in page
    Balanced().feed(page)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "report" / "table.csv").read_text())))
    assert [(row["task"], row["policy"]) for row in rows[:3]] == [
        ("A-v5", policy) for policy in ("ode_to_ode", "nanode", "linear")
    ]
    evaluations = list(csv.DictReader(io.StringIO((tmp_path / "report" / "evaluations.csv").read_text())))
    assert len(evaluations) == sum(result.run.steps.size for result in read_results(comparison))
    for place in comparison.places:
        own = [e for e in evaluations if (e["task"], e["policy"], e["seed"]) == (*place[:2], str(place.seed))]
        run = read_run(place.path)
        assert [int(e["env_steps"]) for e in own] == run.steps.tolist()
        np.testing.assert_allclose([float(e["return"]) for e in own], run.returns, atol=0.005)
    markdown = (tmp_path / "report" / "table.md").read_text()
    assert "| steps to 1 |" in markdown
    assert "RuntimeError: <it> went wrong" in markdown
    for row in rows:
        assert f"| {row['policy']} | {row['parameters']} |" in markdown


class Balanced(HTMLParser):
    """Fails where an element is closed that is not the open one."""

    VOID = ("meta", "img", "br")

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_runs_that_end_stuck_are_listed(tmp_path):
    comparison = record(tmp_path, curves(("A-v5",), ("linear",), seeds=3))
    for place, since, limit in zip(comparison.places, (9, 7, 9), (8, 8, None), strict=True):
        config = yaml.safe_load((place.path / "config.yaml").read_text(encoding="utf-8"))
        config["run"]["stuck_evaluations"] = limit
        (place.path / "config.yaml").write_text(yaml.safe_dump(config))
        lines = read_metrics(place.path / "metrics.jsonl")
        lines[-1]["evaluations_since_improvement"] = since
        write_metrics(place.path / "metrics.jsonl", lines)
    results = read_results(comparison)
    assert stuck_lines(results) == ["A-v5, linear, seed 0: the last 9 evaluations did not improve"]
    assert f"<li>{stuck_lines(results)[0]}</li>" in page_text(comparison, results, make_rows(comparison, results))


def test_a_run_whose_last_evaluations_all_failed_is_stuck(tmp_path):
    data: dict = {("A-v5", "linear"): [[1.0] * 8 + [None] * 3]}
    comparison = record(tmp_path, data)
    (place,) = comparison.places
    lines = read_metrics(place.path / "metrics.jsonl")
    marked = [line | {"evaluations_since_improvement": since} for since, line in enumerate(lines)]
    write_metrics(place.path / "metrics.jsonl", marked)
    config = yaml.safe_load((place.path / "config.yaml").read_text())
    config["run"]["stuck_evaluations"] = 9
    (place.path / "config.yaml").write_text(yaml.safe_dump(config))
    assert read_results(comparison)[0].stuck == 10


def test_a_report_written_twice_is_the_same_twice(tmp_path):
    comparison = record(tmp_path / "runs", curves(seeds=2))
    written = [write_report(comparison, tmp_path / name) for name in ("one", "two")]
    for one, two in zip(*written, strict=True):
        assert one.suffix == ".pdf" or one.read_bytes() == two.read_bytes()  # a PDF tells the time


def test_nothing_evaluated_is_a_mistake(tmp_path):
    with pytest.raises(UserError, match="nothing to report"):
        write_report(record(tmp_path, {("A-v5", "linear"): [[]]}), tmp_path)


def test_a_report_imports_no_jax():
    code = "import odes_rl.reports.comparison_report, sys; sys.exit('jax' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_labels_are_text_and_neither_formulas_nor_columns(tmp_path):
    names = ("$a_$", "a|b", r"$\foo$")
    comparison = record(tmp_path, curves(tasks=("$T_$-v5",), policies=names))
    paths = write_report(comparison, tmp_path)
    assert len(paths) == 8
    _, line, *rows = [line for line in (tmp_path / "table.md").read_text().splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {line.count("|")}
    assert "a&#124;b" in rows[1]
    assert plot_curves([str(tmp_path)], str(tmp_path / "again.png"))


def test_notes_name_the_column_that_is_there():
    assert any(note.startswith("steps to: ") for note in notes(RETURNS))
    assert any(note.startswith("epochs to: ") for note in notes(ACCURACIES))
