"""The learner's benchmark, at a size that says nothing but that it runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts/benchmarks/learner.py"


@pytest.mark.slow
def test_learner_measures_every_figure(tmp_path):
    pytest.importorskip("evosax")
    output = tmp_path / "learner.json"
    sizes = ["--sizes", "50", "--candidates", "8", "--population", "4", "--rounds", "1"]
    command = [sys.executable, SCRIPT, *sizes, "--output", output]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(output.read_text())["results"]
    (cell,) = results["grid"]
    for who in ("ours", "evosax"):
        assert min(cell[who].values()) > 0
        assert cell[who]["bytes"] >= 4 * 50 * 8  # the candidates are among them
    assert cell["ratios"]["both"] == pytest.approx(cell["ours"]["both"] / cell["evosax"]["both"])
    for row in results["policies"].values():
        assert min(row.values()) > 0
    assert "| 50 | 8 |" in done.stdout
    assert "| ODEtoODE, h = 64, Humanoid |" in done.stdout
