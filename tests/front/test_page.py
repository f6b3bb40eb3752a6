"""The examples of docs/python.md and of the README run, in their order, with tiny populations."""

import re
from pathlib import Path

import pytest

from odes_rl.front import launching

ROOT = Path(__file__).parents[2]
SMALL = {"strategy.population": 2, "run.generations": 2, "run.evaluation_episodes": 1, "rollouts.backend": "serial"}
PAGES = {"docs/python.md": ["runs/pendulum", "runs/steering"], "README.md": ["runs/pendulum"]}
"""Pages, and the runs that are there afterwards."""


@pytest.mark.parametrize(("page", "runs"), PAGES.items())
def test_examples_run(page, runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    gathered = launching.gathered
    asked = []

    def smaller(sections, options):
        values, overrides = gathered(sections, options)
        asked.append(values)
        return values, {**overrides, **SMALL}

    monkeypatch.setattr(launching, "gathered", smaller)
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    namespace = {"__name__": "examples"}
    for block in blocks:
        if name := re.match(r"# (\w+\.py)\n", block):
            (tmp_path / name[1]).write_text(block, encoding="utf-8")
        else:
            exec(block, namespace)
    assert len(asked) == sum(block.count("odes_rl.train(") for block in blocks) > 0
    assert [run for run in runs if (tmp_path / run / "metrics.jsonl").is_file()] == runs
    assert all(values["run"]["generations"] > 2 for values in asked)
