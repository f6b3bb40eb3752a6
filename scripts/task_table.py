"""Writes the table in docs/tasks.md: each task of the known families trains for two generations, or is refused.

    .venv/bin/python scripts/task_table.py [FAMILY ...]

All families take some ten minutes. With names, only those are tried out, and the page stays as it is.
"""

import logging
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import gymnasium
from gymnasium.envs.registration import EnvSpec

import odes_rl
from odes_rl.errors import UserError
from odes_rl.rollouts.environments import describe_task
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.rollouts.tasks import task_ids

PAGE = Path(__file__).parents[1] / "docs" / "tasks.md"
BEGIN, END = "<!-- table: scripts/task_table.py -->", "<!-- end of the table -->"
TRAINS = "trains"
_MAZES = "gymnasium_robotics"


class Row(NamedTuple):
    """A task, entries of its observations and actions (of discrete ones, choices), and what became of it."""

    task: str
    observations: str
    actions: str
    outcome: str


def _made_by(part: str) -> Callable[[EnvSpec], bool]:
    return lambda spec: part in str(spec.entry_point)


def _of_mujoco(version: str) -> Callable[[EnvSpec], bool]:
    return lambda spec: "gymnasium.envs.mujoco" in str(spec.entry_point) and spec.id.endswith(version)


FAMILIES: dict[str, Callable[[EnvSpec], bool]] = {
    "Classic control": _made_by("gymnasium.envs.classic_control"),
    "Toy text": _made_by("gymnasium.envs.toy_text"),
    "Box2D": _made_by("gymnasium.envs.box2d"),
    "MuJoCo v5": _of_mujoco("-v5"),
    "MuJoCo v4": _of_mujoco("-v4"),
    "Functional (JAX)": lambda spec: spec.id.startswith(("phys2d/", "tabular/")),
    "DM Control suite": _made_by("_make_dm_control_suite_env"),
    "DM Control manipulation": _made_by("_make_dm_control_manipulation_env"),
    "DM Control locomotion": _made_by("_make_dm_control_example_locomotion_env"),
    "Gymnasium-Robotics point maze": _made_by("gymnasium_robotics.envs.maze.point_maze"),
}
"""Family → which registered environments belong to it."""


def tasks_of(family: str) -> list[str]:
    """The names of a family's tasks, as `task.id` takes them, sorted."""
    task_ids()  # registers DM Control's
    if find_spec(_MAZES):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            __import__(_MAZES)
    found = sorted(name for name, spec in gymnasium.registry.items() if FAMILIES[family](spec))
    return [f"{_MAZES}:{name}" if "Robotics" in family else name for name in found]


def try_task(task: str) -> Row:
    """Train the task for two generations of two candidates in short episodes, or say why it is refused."""
    try:
        described = describe_task(task)
        odes_rl.train(
            task,
            policy="linear",
            strategy={"population": 2},
            rollouts="serial",
            run={"generations": 2, "evaluation_episodes": 1},
            max_steps=5,
        )
    except UserError as error:
        return Row(task, "", "", f"refused: {str(error).removeprefix('task.id: ').removeprefix(task).strip()}")
    except EnvironmentFailure as failure:
        return Row(task, "", "", f"fails: {str(failure).splitlines()[-1]}")
    choices = " × ".join(map(str, described.choices))
    actions = f"{choices} choices" if choices else str(described.action_size)
    return Row(task, str(described.observation_size), actions, TRAINS)


def table(family: str, rows: list[Row]) -> str:
    """The section of a family: how many of its tasks train, and a line for each."""
    lines = [f"| `{row.task}` | {row.observations} | {row.actions} | {row.outcome} |" for row in rows]
    count = sum(row.outcome == TRAINS for row in rows)
    head = "| task | observations | actions | |\n| --- | --- | --- | --- |"
    return "\n".join([f"## {family}", "", f"{count} of {len(rows)} train.", "", head, *lines])


def main(families: list[str]) -> None:
    """Try out the tasks of these `families`, or of all; with all, write the page."""
    logging.disable(logging.WARNING)
    sections = []
    for family in families or FAMILIES:
        rows = []
        for task in tasks_of(family):
            rows.append(try_task(task))
            print(*rows[-1], sep="; ", flush=True)
        sections.append(table(family, rows))
    if families:
        print("\n\n".join(sections))
        return
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    text = f"{before}{BEGIN}\n\n" + "\n\n".join(sections) + f"\n\n{END}{rest.partition(END)[2]}"
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
