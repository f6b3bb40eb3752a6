"""odes_rl as a newcomer has it: its wheel, and those of the studies and the example, in an environment of their own."""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples/plugin"
PACKAGES = {"odes_rl": ROOT, "odes_rl_studies": ROOT / "studies", "odes_rl_example": EXAMPLE}
NEWCOMER = ROOT / "tests/newcomer.py"
_UNSEEN = ("PYTHONPATH", "MUJOCO_GL", "ODES_RL_RENDERER")
"""Variables that the tests set for their own processes, and a newcomer does not have."""


class Installed(NamedTuple):
    """An environment in `directory`. The packages that odes_rl needs are those of the tests' own environment."""

    directory: Path

    @property
    def scripts(self) -> Path:
        """Where `python` and `odes-rl` are."""
        return self.directory / "environment/bin"

    @property
    def variables(self) -> dict[str, str]:
        """Variables of its processes; numba's cache is new, so that a test sees what a run leaves there."""
        kept = {name: value for name, value in os.environ.items() if name not in _UNSEEN}
        path = f"{self.scripts}{os.pathsep}{os.environ['PATH']}"
        return {**kept, "PATH": path, "XDG_CACHE_HOME": str(self.directory / "cache")}

    def start(self, here: Path, *arguments: str) -> subprocess.Popen[str]:
        """The program `odes-rl`, started in the directory `here`."""
        command = [self.scripts / "odes-rl", *arguments]
        streams: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, cwd=here, env=self.variables, text=True, **streams)

    def run(self, here: Path, *arguments: str, status: int = 0) -> str:
        """What the program prints; it has to end with that status."""
        with self.start(here, *arguments) as process:
            printed, _ = process.communicate()
        assert process.returncode == status, printed
        return printed

    def steps(self, here: Path, steps: Sequence[tuple[str, Any]]) -> list[tuple[int, str]]:
        """Exit status and output of each step; all in one process, see `tests/newcomer.py`."""
        command = [self.scripts / "python", "-P", NEWCOMER]
        asked = json.dumps(steps)
        done = subprocess.run(
            command, input=asked, cwd=here, env=self.variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return [(status, printed) for status, printed in json.loads(done.stdout)]

    @contextmanager
    def without_the_example(self) -> Iterator[None]:
        """The example package is uninstalled meanwhile."""
        _pip(self, "uninstall", "--yes", "odes-rl-example")
        try:
            yield
        finally:
            _install(self, "odes_rl_example")


def install(directory: Path) -> Installed:
    """Make the environment in `directory`: all wheels are built and installed there."""
    installed = Installed(directory)
    python = [sys.executable, "-m"]
    for source in PACKAGES.values():
        _call([*python, "hatchling", "build", "-t", "wheel", "-d", directory / "wheels"], source)
    _call([*python, "venv", "--without-pip", directory / "environment"], directory)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(directory / "environment")}))
    # A path in a .pth file is searched, but .pth files there are not read: the editable odes_rl there stays unseen.
    (packages / "tests.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    for package in PACKAGES:
        _install(installed, package)
    return installed


def _install(installed: Installed, package: str) -> None:
    (wheel,) = (installed.directory / "wheels").glob(f"{package}-*.whl")
    _pip(installed, "install", "--no-deps", "--no-index", wheel)


def _pip(installed: Installed, *arguments: str | Path) -> None:
    pip = [sys.executable, "-m", "pip", "--python", installed.scripts / "python", "--disable-pip-version-check"]
    _call([*pip, *arguments], installed.directory)


def _call(command: Sequence[str | Path], here: Path) -> None:
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
