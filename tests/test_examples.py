"""The examples run as they stand, from any directory, and write only where they are told to."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
NOTEBOOK = EXAMPLES / "tour.ipynb"
PRINTED = {
    "compare.sh": r"\| nanode \|",
    "discrete_actions.py": r"return: (4[5-9]\d|500)\.\d+ of 500",
    "export_policy.py": r"npz +\[",
    "fine_tune.py": r"from nothing: -\d+ before, -\d+ after",
    "own_environment.py": r"mean length of an episode: (1[5-9]\d|200)\.\d+ of 200",
    "own_fitness.py": r"start, 0\.00\d+ after",
    "own_manifold.py": r"by gradients: \[0\.[45]\d* +[45]\.\d*",
    "own_trajectory.py": r"orthogonal matrix: \d\.\d+e-0[67]",
    "search.sh": r"return \d+\.\d+ ± .* of 20 episodes",
    "train_from_python.py": r"one episode: return -\d+",
    "tutorial.sh": r"policy\.npz",
    "wrappers_and_options.py": r"an action for two frames: \[",
}
"""What each script prints, among other things."""
WRITE = {
    "compare.sh": "comparison/report.html",
    "export_policy.py": "policy.onnx",
    "search.sh": "search/best.yaml",
    "train_from_python.py": "curve.png",
    "tutorial.sh": "film.gif",
}
"""Those that take a directory, and something that they write there."""


@pytest.fixture
def variables(tmp_path, monkeypatch):
    """Variables of processes: they find this `odes-rl`, and their temporary files go away with the test's."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # EnvPool sets it, once a test has loaded it
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def run(name: str, here: Path, *arguments: str) -> str:
    """What the script prints, called in the directory `here`."""
    command = [sys.executable if name.endswith(".py") else "bash", EXAMPLES / name, *arguments]
    done = subprocess.run(command, cwd=here, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_readme_has_a_line_for_each():
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[[\w.]+\]\((.+?)\)", readme, re.MULTILINE)
    scripts = {path.name for path in (*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.sh"))}
    assert sorted(listed) == sorted({*scripts, NOTEBOOK.name, "plugin/README.md"})
    assert scripts == set(PRINTED)


def test_pages_name_examples_that_are_there():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {name for page in pages for name in re.findall(r"examples/\w+\.\w+", page.read_text(encoding="utf-8"))}
    assert "examples/tour.ipynb" in named
    assert not [name for name in named if not (ROOT / name).is_file()]


def test_the_notebook_is_kept_without_outputs():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert not [cell.id for cell in cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)]


def test_evolution_on_a_manifold_of_ones_own_finds_what_gradients_find(capsys):
    found = runpy.run_path(str(EXAMPLES / "own_manifold.py"))
    assert found["params"]["rates"] == pytest.approx([0.5, 5], rel=1e-2)
    assert found["state"].params["rates"] == pytest.approx([0.5, 5], rel=0.1)
    assert re.search(PRINTED["own_manifold.py"], capsys.readouterr().out)


@pytest.mark.slow
@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("name", PRINTED)
def test_a_script_runs_and_writes_where_it_is_told_to(name, tmp_path):
    here, told = tmp_path / "here", tmp_path / "told"
    here.mkdir()
    printed = run(name, here, *([str(told)] if name in WRITE else []))
    assert re.search(PRINTED[name], printed)
    assert not list(here.iterdir())
    assert name not in WRITE or (told / WRITE[name]).stat().st_size
    assert {path.name for path in (tmp_path / "temporary").iterdir()} <= {".ses"}  # onnxruntime's
    if name == "own_environment.py":
        assert run(name, here, "--workers") == printed


@pytest.mark.slow
@pytest.mark.usefixtures("variables")
def test_the_notebook_runs_and_draws(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    here = tmp_path / "here"
    here.mkdir()
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(here)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [kind for output in outputs for kind in output.get("data", {}) if kind.startswith("image/")]
    assert sorted(pictures) == ["image/gif", *["image/png"] * 4]
    printed = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    assert float(re.findall(r"lowest energies: \[([\d.]+)", printed)[0]) == pytest.approx(49.16525, abs=0.01)
    before, after = re.findall(r"return (-[\d.]+) before training, (-[\d.]+) after", printed)[0]
    assert float(after) > float(before) / 2
    assert float(re.findall(r"([\d.]+) at the end", printed)[0]) < 0.02
    assert not list(here.iterdir())
