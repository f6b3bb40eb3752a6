"""The shell scripts and the constraints: what can be checked without installing anything."""

import os
import re
import shutil
import signal
import subprocess
import time
import tomllib
from importlib.metadata import requires
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from odes_rl.runs.files import METRICS
from odes_rl.runs.metrics import read_metrics

ROOT = Path(__file__).parents[1]
SCRIPTS = ["scripts/setup", "scripts/install_size", "scripts/test", "scripts/quickstart", ".ci/run"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
TINY = """
task: {id: HalfCheetah-v5, max_steps: 5}
policy: {hidden: 4, steps: 2}
strategy: {population: 2}
rollouts: {backend: serial}
run: {generations: 2, evaluation_episodes: 1, evaluate_every: 1, checkpoint_every: 1000000}
"""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def quickstart() -> ModuleType:
    """The program scripts/quickstart.py, imported."""
    spec = spec_from_file_location("quickstart", ROOT / "scripts/quickstart.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return canonical(match[0])


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_executable_strict_and_parses(script):
    path = ROOT / script
    assert os.access(path, os.X_OK)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text
    assert subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False).stderr == ""


def test_constraints_are_names_and_versions_only():
    pinned = re.compile(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*")
    assert CONSTRAINTS
    assert not [line for line in CONSTRAINTS if not pinned.fullmatch(line)]


def test_constraints_cover_every_dependency():
    extras = PROJECT["project"]["optional-dependencies"]
    studies = tomllib.loads((ROOT / "studies/pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    here = [name for extra, names in extras.items() if extra not in ("cuda", "tpu") for name in names]
    here = [name for name in here if not name.startswith("odes-rl[")]
    constrained = {canonical(line.partition("==")[0]) for line in CONSTRAINTS}
    needed = {requirement_name(dependency) for dependency in [*PROJECT["project"]["dependencies"], *studies, *here]}
    assert len(needed) > 40
    assert not needed - constrained - {"odes-rl"}
    assert "odes-rl" not in constrained
    assert len(constrained) == len(CONSTRAINTS)


@pytest.fixture
def checkout(tmp_path):
    """A checkout with what `scripts/setup` reads."""
    for directory in ("scripts", "studies"):
        (tmp_path / directory).mkdir()
    for name in ("scripts/setup", "pyproject.toml", "studies/pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def set_up(checkout: Path, *extras: str, python: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [checkout / "scripts/setup", *extras],
        cwd="/",
        env={**os.environ, "PYTHON": python},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def python(tmp_path):
    """A program that makes virtual environments of itself, and notes what pip is asked to do."""
    program = tmp_path / "fake-python"
    program.write_text(
        "#!/usr/bin/env bash\n"
        'case "$*" in\n'
        f'*"-m venv"*) mkdir -p .venv/bin; cp {program} .venv/bin/python\n'
        '              echo "$PWD/.venv" >.venv/bin/activate ;;\n'
        '*"(3, 13)"*) test -n "${NEW_PYTHON:-}" ;;\n'
        f'*"-m pip"*) echo "$*" >>{tmp_path}/pip.log ;;\n'
        "esac\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program


def installations(checkout: Path) -> list[str]:
    """What pip was asked, a line each time, but for the studies, which go with odes_rl."""
    asked = (checkout / "pip.log").read_text().splitlines()
    others = [line for line in asked if not line.endswith("--no-deps --editable ./studies")]
    assert len(asked) - len(others) == sum("--editable ." in line for line in others)
    return others


def test_set_up_installs_once_and_then_is_quick(checkout, python):
    first = set_up(checkout, python=str(python))
    assert first.returncode == 0, first.stderr
    assert set_up(checkout, python=str(python)).stdout == ""
    assert len(installations(checkout)) == 1


def test_set_up_installs_anew_when_what_it_reads_changes(checkout, python):
    set_up(checkout, python=str(python))
    for number, name in enumerate(("pyproject.toml", "studies/pyproject.toml", "constraints.txt"), start=2):
        with (checkout / name).open("a") as file:
            file.write("another==1\n")
        set_up(checkout, python=str(python))
        assert len(installations(checkout)) == number


def test_set_up_installs_all_extras_or_those_that_are_asked_for(checkout, python):
    set_up(checkout, python=str(python))
    assert installations(checkout)[0].endswith("--editable .[all]")
    (checkout / ".venv/odes-rl.stamp").unlink()
    assert set_up(checkout, "dm-control", "plots", python=str(python)).returncode == 0
    assert installations(checkout)[1].endswith("--editable .[dm-control,plots]")


def test_set_up_keeps_the_extras_installed_before(checkout, python):
    for extras in (["dev"], [], ["cuda"]):
        set_up(checkout, *extras, python=str(python))
    assert [command.rpartition(" ")[2] for command in installations(checkout)] == [".[dev]", ".[cuda,dev]"]


def test_set_up_leaves_out_labmaze_where_it_has_no_wheel(checkout, python, monkeypatch):
    monkeypatch.setenv("NEW_PYTHON", "1")
    assert set_up(checkout, python=str(python)).returncode == 0
    assert [command.split()[-2:] for command in installations(checkout)] == [
        ["--editable", ".[all]"],
        ["--no-deps", "dm_control"],
    ]


def test_what_dm_control_needs_but_labmaze_stands_in_the_project():
    """In the core, in its extra, or by way of mujoco, which needs the rest everywhere."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    listed = [*project["dependencies"], *extras["dm-control"], *extras["mujoco"]]
    named, by_others = {requirement_name(dependency) for dependency in listed}, needed_by("mujoco")
    assert "labmaze" in needed_by("dm_control")
    assert not needed_by("dm_control") - {"labmaze"} - named - by_others


def needed_by(package: str) -> set[str]:
    return {requirement_name(dependency) for dependency in requires(package) or [] if "extra ==" not in dependency}


def test_set_up_refuses_an_unknown_extra(checkout, python):
    result = set_up(checkout, "gpu", python=str(python))
    assert result.returncode == 1
    told = result.stderr.partition("no extra gpu; there are ")[2].strip().split(", ")
    assert told == list(PROJECT["project"]["optional-dependencies"])
    assert not (checkout / ".venv").exists()


def test_set_up_says_what_it_needs_where_python_is_missing(checkout):
    result = set_up(checkout, python="no-such-python")
    assert result.returncode == 1
    assert "none of no-such-python is Python >= 3.11" in result.stderr
    assert not (checkout / ".venv").exists()


@pytest.fixture(scope="module")
def tiny_run(quickstart, tmp_path_factory):
    """A config, and the run that quickstart has finished from it."""
    folder = tmp_path_factory.mktemp("quickstart")
    config, run = folder / "tiny.yaml", folder / "run"
    config.write_text(TINY, encoding="utf-8")
    assert quickstart.quickstart([], config, run) == 0
    return config, run


def test_quickstart_leaves_a_curve(tiny_run):
    _, run = tiny_run
    assert (run / "curve.png").stat().st_size > 1000


def test_the_tutorial_explains_every_metric(tiny_run):
    _, run = tiny_run
    tutorial = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    names = {name for line in read_metrics(run / METRICS) for name in line}
    assert "saturated_fraction" in names
    assert not [name for name in names if f"`{name}`" not in tutorial]


def test_quickstart_says_that_a_run_is_finished(quickstart, tiny_run, capsys):
    assert quickstart.quickstart([], *tiny_run) == 0
    said = capsys.readouterr().out
    assert "is finished" in said
    assert "evaluation at generation 0" in said


def test_quickstart_goes_on_and_stops_in_time(quickstart, tiny_run, tmp_path, capsys):
    config, finished = tiny_run
    run = shutil.copytree(finished, tmp_path / "run")
    assert quickstart.quickstart(["--run.generations", "1000000"], config, run, seconds=4) == 0
    said = capsys.readouterr().out
    assert "time is up" in said
    assert "evaluation at generation 0" in said


def test_quickstart_knows_the_end_of_a_run_by_its_environment_steps(quickstart, tiny_run, tmp_path, capsys):
    config, run = tiny_run[0], tmp_path / "run"
    assert quickstart.quickstart(["--run.generations", "none", "--run.env-steps", "100"], config, run) == 0
    capsys.readouterr()
    assert quickstart.quickstart([], config, run) == 0
    said = capsys.readouterr().out
    assert "is finished" in said
    assert said.endswith(f"train further: .venv/bin/odes-rl resume {run} --run.env-steps 200\n")


def test_quickstart_has_a_directory_of_its_own(quickstart, tiny_run, capsys):
    assert quickstart.quickstart(["--run.directory", "elsewhere"], *tiny_run) == 2
    assert capsys.readouterr().err == "quickstart: --run.directory is set here: use odes-rl train\n"


def test_quickstart_tells_a_mistake(quickstart, tiny_run, capsys):
    assert quickstart.quickstart(["--strategy.sigma", "1"], *tiny_run) == 2
    assert "strategy.sigma" in capsys.readouterr().err


def test_within_interrupts_what_takes_too_long(quickstart):
    def action() -> int:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            return 130
        return 0

    before = signal.getsignal(signal.SIGINT)
    assert quickstart.within(0.05, action) == (130, True)
    assert quickstart.within(60, lambda: 0) == (0, False)
    assert signal.getsignal(signal.SIGINT) is before
