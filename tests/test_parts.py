"""Parts by name: a mistake in a module of the user's is one line, wherever it is made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from odes_rl.act import find_rule
from odes_rl.act.linear import linear
from odes_rl.cli.program import main
from odes_rl.errors import UserError
from odes_rl.policies import POLICIES
from odes_rl.start_up import python_command, start_up

ROOT = Path(__file__).parents[1]
MODULE = """
from odes_rl.act.linear import linear
from odes_rl.policies import POLICIES
PLAIN = linear._replace(kernel=lambda weights, observation, action: None)
RULE = linear
class Box:
    FAMILY = POLICIES["linear"]
"""


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Writes modules where they are found."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")

    yield write
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_a_part_is_built_in_or_what_a_module_holds(modules):
    modules("mine_found", MODULE)
    assert find_rule("mine_found:RULE") is find_rule("linear") is linear
    assert POLICIES.find("mine_found:Box.FAMILY") is POLICIES.find("linear")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lniear", ["unknown act rule 'lniear'", "'linear'"]),
        ("mine_bad:RUEL", ["mine_bad.py", "no 'RUEL'", "mean 'RULE'"]),
        ("mine_bad:", ["no ''", "PLAIN, RULE"]),
        ("mine_bad:Box", ["of type type", "must be of type ActRule"]),
        ("mine_bad:PLAIN", ["is a function", "numba.njit"]),
        ("mine_absent:RULE", ["'mine_absent' cannot be imported", "current directory, {here}"]),
        ("mine_absent.deeper:RULE", ["no 'mine_absent'"]),
        (":RULE", ["cannot be imported", "Empty module name"]),
        ("mine_needs:RULE", ["ModuleNotFoundError: No module named 'mine_absent'", "mine_needs.py, line 2"]),
        ("mine_raises:RULE", ["ZeroDivisionError: division by zero", "mine_raises.py, line 3"]),
        ("mine_exits:RULE", ["SystemExit: 3"]),
        ("mine_syntax:RULE", ["SyntaxError", "mine_syntax.py, line 1"]),
    ],
)
def test_a_mistake_in_a_name_or_its_module_is_one_line(modules, tmp_path, name, words):
    modules("mine_bad", MODULE)
    modules("mine_needs", "\nimport mine_absent\n")
    modules("mine_raises", "\n\nRULE = 1 / 0\n")
    modules("mine_exits", "raise SystemExit(3)\n")
    modules("mine_syntax", "def\n")
    with pytest.raises(UserError) as caught:
        find_rule(name)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word.format(here=tmp_path) in message for word in words), message


def test_a_module_of_tasks_that_raises_is_one_line_of_the_program(modules, capsys):
    modules("mine_tasks", "raise RuntimeError('no licence')\n")
    Path("x.yaml").write_text("task: {id: 'mine_tasks:Walk-v0'}\n")
    assert main(["train", "x.yaml"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "task.id: the module 'mine_tasks' cannot be imported: RuntimeError: no licence (" in error


def test_the_current_directory_is_searched_last_and_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["/first"])
    start_up()
    start_up()
    assert sys.path == ["/first", str(tmp_path)]
    tmp_path.rmdir()
    start_up()


def test_a_process_finds_what_its_parent_finds_and_nothing_before(tmp_path):
    """Not even the standard library's modules are hidden by those of the directory where the program was called."""
    (tmp_path / "queue.py").write_text("raise RuntimeError('a queue of the user')\n")
    (tmp_path / "mine.py").write_text("print('mine')\n")
    code = (
        "import subprocess; from odes_rl.start_up import *; start_up(); import mine, queue; "
        "subprocess.run(python_command('mine'), env={**os.environ, **import_path()}, check=True); "
        "subprocess.run(python_command('queue'), env={**os.environ, **import_path()}, check=True)"
    )
    command = [*python_command("x")[:2], "-c", "import os; " + code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["mine", "mine"]
