"""Every family of tasks trains for two generations or is refused for a reason, as docs/tasks.md says."""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def _script() -> Any:
    spec = spec_from_file_location("task_table", ROOT / "scripts/task_table.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = _script()
TOLD = (ROOT / "docs/tasks.md").read_text(encoding="utf-8").splitlines()
ONE_OF_EACH = {
    "Classic control": "Acrobot-v1",
    "Toy text": "Blackjack-v1",
    "Box2D": "CarRacing-v3",
    "MuJoCo v5": "Pusher-v5",
    "MuJoCo v4": "InvertedPendulum-v4",
    "DM Control suite": "dm_control/point_mass-easy-v0",
    "DM Control manipulation": "dm_control/lift_brick_vision-v0",
    "Gymnasium-Robotics point maze": "gymnasium_robotics:PointMaze_UMaze-v3",
}
"""The functional environments of Gymnasium compile for longer than a test may take, and locomotion is large."""
needed = {"Box2D": "Box2D", "Gymnasium-Robotics point maze": "gymnasium_robotics"}


def line_of(task: str) -> str:
    (line,) = [line for line in TOLD if line.startswith(f"| `{task}` |")]
    return line


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", ONE_OF_EACH)
def test_one_of_each_kind_trains_or_is_refused_as_the_table_says(family):
    if family in needed and not find_spec(needed[family]):
        pytest.skip(f"needs {needed[family]}")
    row = SCRIPT.try_task(ONE_OF_EACH[family])
    assert line_of(row.task) == f"| `{row.task}` | {row.observations} | {row.actions} | {row.outcome} |"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", SCRIPT.FAMILIES)
def test_every_task_trains_or_is_refused_as_the_table_says(family):
    tasks = SCRIPT.tasks_of(family)
    assert tasks or family in needed
    for task in tasks:
        row = SCRIPT.try_task(task)
        assert line_of(row.task) == f"| `{row.task}` | {row.observations} | {row.actions} | {row.outcome} |"


def test_nothing_fails_and_images_alone_are_refused_in_the_suites():
    rows = [line.split(" | ") for line in TOLD if line.startswith("| `")]
    assert len(rows) > 140
    assert not [row for row in rows if "fails" in row[-1]]
    refused = [row for row in rows if "dm_control/" in row[0] and not row[-1].startswith("trains")]
    assert all("observes images" in row[-1] for row in refused)
