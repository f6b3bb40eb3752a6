"""docs/benchmark.md says what its data say, and its data what the runs say."""

import csv
import json
import shutil
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import yaml

from odes_rl.reports.drawing import COLOURS
from tests.comparisons import record

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(ROOT / "scripts"))
    spec = spec_from_file_location("benchmark_page", ROOT / "scripts/benchmark_page.py")
    assert spec
    assert spec.loader
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(ROOT / "scripts"))


@pytest.fixture
def docs(tmp_path):
    """A place for the page, its data and its pictures."""
    for name in ("data", "images"):
        (tmp_path / "docs" / name).mkdir(parents=True)
    shutil.copy(DOCS / "benchmark.md", tmp_path / "docs")
    return tmp_path / "docs"


CURVES = {
    ("Ant-v5", "linear"): [[1.0, 2.0, 3.0]],
    ("Swimmer-v5", "linear"): [[0.0] * 10 + [300.0], [9.0] * 10 + [350.0], [1.0, 2.0]],
    ("Swimmer-v5", "ode_to_ode"): [[0.0, 150.0, 120.0], [0.0, 130.0]],
}
"""Two of three seeds are finished, and elsewhere none."""


def cells(page, heading, policy):
    """The cells of a policy's row in the section of that heading."""
    _, _, section = page.partition(f"### {heading}\n")
    (line,) = [line for line in section.partition("\n### ")[0].splitlines() if line.startswith(f"| `{policy}` |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_is_what_its_data_make(script):
    page = (DOCS / "benchmark.md").read_text(encoding="utf-8")
    made = script.tables(script.make_benchmark(script.read_data(DOCS / "data")))
    assert {name: script.shown(page, name) for name in made} == made
    for marker in ("curves", "parts", "options"):
        shown = [line for line in script.shown(page, marker).splitlines() if line]
        assert shown
        assert all((DOCS / line.rpartition("(")[2].rstrip(")")).is_file() for line in shown)


def test_each_policy_of_the_config_is_in_a_picture_whose_lines_differ_in_colour(script):
    pictures = import_module("returns.tables").PICTURES.values()
    config = yaml.safe_load((ROOT / "configs/compare/benchmark.yaml").read_text(encoding="utf-8"))
    assert {learner for picture in pictures for learner in picture.learners} == set(config["policies"])
    assert max(len(picture.learners) for picture in pictures) == len(COLOURS)


def test_a_picture_of_options_has_the_tasks_where_they_ran(script, docs, tmp_path):
    curves = {("Hopper-v5", "growing_episodes"): [[1.0] * 11], ("Hopper-v5", "ode_to_ode"): [[2.0] * 11]}
    record(tmp_path / "runs", {**CURVES, **curves})
    assert script.main([str(tmp_path / "runs")], docs) == 0
    page = (docs / "benchmark.md").read_text(encoding="utf-8")
    assert "images/benchmark_options.png" in script.shown(page, "options")
    assert not (docs / "images/benchmark_parts.png").exists()
    assert "\n<!-- parts: scripts/benchmark_page.py -->\n\n\n\n<!-- end -->" in page


def test_the_datas_final_and_best_returns_are_those_of_its_evaluations(script):
    for run in script.read_data(DOCS / "data"):
        values = [value for _, value in run.evaluations]
        assert (run.final, run.best) == (values[-1], max(values))


def test_finished_and_partial_runs_are_told_apart(script, docs, tmp_path):
    record(tmp_path / "runs", CURVES)
    assert script.main([str(tmp_path / "runs"), "--machine", "an abacus"], docs) == 0
    page = (docs / "benchmark.md").read_text(encoding="utf-8")
    heading = "Swimmer-v5, 1,000 environment steps"
    assert cells(page, heading, "linear") == [
        "`linear`",
        "1,000",
        "2 of 3 (not counted: seed 2 at 100)",
        "60",
        "300, 350",
        "325 ± 35.4",
        "325 [300, 350]",
        "325 ± 35.4",
        "0.00",
        "an abacus",
    ]
    assert cells(page, heading, "ode_to_ode")[1:6] == ["partial: 200, 100", "0 of 2", "100", "120, 130", "125 ± 7.1"]
    told = "| `Swimmer-v5` | 1,000 | 125 ± 7.1 (2 seeds, none finished) | 325 ± 35.4 (2 seeds) | 355 ± 13 in 2 M (zoo);"
    assert told in page
    assert "| `Ant-v5` | 1,000 | – | 3.0 (1 seed, none finished) |" in page
    assert page.index("### Swimmer") < page.index("### Ant")
    assert (docs / "images/benchmark.png").stat().st_size > 10_000
    assert not (docs / "images/benchmark_more.png").exists()


def test_the_page_is_made_again_from_the_data_alone(script, docs, tmp_path):
    record(tmp_path / "runs", CURVES)
    assert script.main([str(tmp_path / "runs")], docs) == 0
    first = (docs / "benchmark.md").read_text(encoding="utf-8")
    shutil.rmtree(tmp_path / "runs")
    assert script.main([], docs) == 0
    assert (docs / "benchmark.md").read_text(encoding="utf-8") == first
    with (docs / "data/benchmark_evaluations.csv").open(encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["policy"] == "ode_to_ode" and line["seed"] == "0"]
    assert [(line["taken"], line["return"]) for line in lines] == [("0", "0.00"), ("100", "150.00"), ("200", "120.00")]


def test_later_runs_take_the_place_of_earlier_ones_beside_those_that_are_kept(script, docs, tmp_path):
    record(tmp_path / "first", CURVES)
    record(tmp_path / "later", {("Ant-v5", "linear"): [[4.0, 5.0, 6.0], [7.0] * 11]})
    assert script.main([str(tmp_path / "first")], docs) == 0
    assert script.main([str(tmp_path / "later")], docs) == 0
    data = script.read_data(docs / "data")
    assert [(r.key.task, r.key.policy, r.key.seed, r.final) for r in data if r.key.task == "Ant-v5"] == [
        ("Ant-v5", "linear", 0, 6.0),
        ("Ant-v5", "linear", 1, 7.0),
    ]
    assert len(data) == 5 + 2
    assert data[0].key.task == "Swimmer-v5"  # as the page has them, whenever they came


def test_a_run_names_its_machine(script, docs, tmp_path):
    record(tmp_path / "runs", {("Ant-v5", "linear"): [[1.0] * 11]})
    launches = [{"generation": n, "workers": n + 1, "cores": 4, "processor": "Abacus 9"} for n in (0, 1, 1)]
    path = tmp_path / "runs/Ant-v5/linear/seed_0/launches.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in launches), encoding="utf-8")
    assert script.main([str(tmp_path / "runs")], docs) == 0
    page = (docs / "benchmark.md").read_text(encoding="utf-8")
    told = cells(page, "Ant-v5, 1,000 environment steps", "linear")[-1]
    assert told == "1 of 4 cores, Abacus 9; 2 of 4 cores, Abacus 9"


def change(path, sections):
    """The config of a run, with some options set."""
    config = yaml.safe_load((path / "config.yaml").read_text(encoding="utf-8"))
    for section, options in sections.items():
        config.setdefault(section, {}).update(options)
    (path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


MISTAKES = [
    (
        {"run": {"seed": 0}},
        "is the second run of linear on Swimmer-v5 with seed 0 and 1,000 environment steps",
    ),
    ({"strategy": {"sigma": 0.5}}, "strategy.sigma is 0.5 in"),
    ({"run": {"env_steps": None}}, "is none, but the benchmark is by environment steps"),
]


@pytest.mark.parametrize(("sections", "message"), MISTAKES)
def test_what_must_not_be_mixed_is_one_line_and_the_page_stays(script, docs, tmp_path, capsys, sections, message):
    record(tmp_path / "runs", CURVES)
    change(tmp_path / "runs/Swimmer-v5/linear/seed_1", sections)
    before = (docs / "benchmark.md").read_text(encoding="utf-8")
    assert script.main([str(tmp_path / "runs")], docs) == 2
    error = capsys.readouterr().err
    assert error.startswith("benchmark_page: ")
    assert message in error
    assert error.count("\n") == 1
    assert (docs / "benchmark.md").read_text(encoding="utf-8") == before
    assert not [*(docs / "data").iterdir()]


def test_without_runs_and_without_data_it_asks_for_runs(script, docs, capsys):
    assert script.main([], docs) == 2
    assert "give directories of runs" in capsys.readouterr().err
