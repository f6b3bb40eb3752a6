"""Packages that come with extras: a missing one is told in one line, which names its extra. Free of JAX."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from odes_rl.errors import UserError

EXTRAS = {
    "mujoco": "mujoco",
    "mujoco.mjx": "mjx",
    "glfw": "mujoco",
    "dm_control": "dm-control",
    "shimmy": "dm-control",
    "Box2D": "box2d",
    "gymnasium_robotics": "robotics",
    "imageio": "films",
    "av": "films",
    "pygame": "films",
    "matplotlib": "plots",
    "PIL": "plots",
    "tensorboardX": "tensorboard",
    "sklearn": "digits",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "flatbuffers": "stablehlo",
    "optuna": "search",
    "wandb": "wandb",
    "mlflow": "mlflow",
    "ray": "ray",
    "envpool": "envpool",
}
"""Module → the extra that brings it; the extras are in pyproject.toml."""


def install(module: str) -> str:
    """The command that installs what `module` comes with."""
    labmaze = " && pip install --no-deps dm_control" if module == "dm_control" and sys.version_info >= (3, 13) else ""
    return f'pip install "odes-rl[{EXTRAS[module]}]"{labmaze}'


def is_installed(module: str) -> bool:
    """Whether there is a module of that name, which is not imported."""
    try:
        return find_spec(module) is not None
    except (ValueError, ModuleNotFoundError):  # it is kept from being imported, or what it is a part of is missing
        return False


def require(what: str, *modules: str) -> None:
    """Check that the `modules` are installed, which `what` needs.

    Raises:
        UserError: if one is not; it names the extra.
    """
    for module in modules:
        if not is_installed(module):
            raise missing(what, module)


def lacking(error: BaseException) -> str | None:
    """The module in the table whose absence led to `error`; None if that was something else."""
    cause: BaseException | None = error
    while cause is not None:
        name = (getattr(cause, "name", None) or "").partition(".")[0]
        if isinstance(cause, ModuleNotFoundError) and name in EXTRAS:
            return name
        cause = cause.__cause__ or cause.__context__
    return None


@contextmanager
def required(what: str) -> Iterator[None]:
    """Have the absence of a package with an extra, met inside, told as that of what `what` needs.

    Raises:
        UserError: if one is missing; it names the extra.
    """
    try:
        yield
    except ImportError as error:
        module = lacking(error)
        if module is None:
            raise
        raise missing(what, module) from error


def missing(what: str, module: str) -> UserError:
    """The error that `what` needs `module`, which is not installed."""
    return UserError(f"{what} needs the package {module}, which is not installed: {install(module)}")
