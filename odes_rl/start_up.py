"""Settings at the start of the program, also for its processes: import path, compilation cache, no display, output."""

import io
import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from odes_rl.caching import keep_programs

RENDERER = "ODES_RL_RENDERER"
"""The variable of the environment that keeps the user's MUJOCO_GL, for films alone."""


def start_up() -> None:
    """Let the user's modules be found, compiled programs be kept, everything be printed, and only films be rendered."""
    _search_current_directory()
    _set_renderer_aside()
    _name_glfw()
    os.environ["MPLBACKEND"] = "agg"  # pictures are files; a wrong name would keep Matplotlib from being imported
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what its encoding lacks, such as ±
    keep_programs()


def _search_current_directory() -> None:
    """Find the modules in the current directory, too; last, so that none of them hides an installed one."""
    with suppress(FileNotFoundError):  # it has been removed
        directory = os.getcwd()
        if directory not in map(os.path.abspath, sys.path):
            sys.path.append(directory)


def _set_renderer_aside() -> None:
    """MuJoCo loads what MUJOCO_GL names as it is imported, and does not load without it."""
    chosen = os.environ.get("MUJOCO_GL")
    if chosen is not None and chosen != "disable":
        os.environ[RENDERER] = chosen
    os.environ["MUJOCO_GL"] = "disable"


def _name_glfw() -> None:
    """Name the library that the package glfw brings, where it does, for MuJoCo's environments import that package.

    It would look for the library in processes of its own, which complain if a signal ends this one meanwhile.
    """
    spec = find_spec("glfw")
    for directory in spec.submodule_search_locations or () if spec else ():
        library = Path(directory, "x11", "libglfw.so")
        if library.exists():
            os.environ.setdefault("PYGLFW_LIBRARY", str(library))


def python_command(module: str) -> list[str]:
    """How a process is started that runs `module`: it looks for modules where `import_path` says, and nowhere else."""
    return [sys.executable, "-P", "-m", module]


def import_path() -> dict[str, str]:
    """The variable of the environment with which a process finds the modules that this one finds, in the same order."""
    return {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
