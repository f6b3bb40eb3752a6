"""Configs that come with odes_rl, and with packages of studies: found by their names. Free of JAX."""

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from odes_rl.errors import UserError, suggestion
from odes_rl.yaml_text import read_yaml

_OF_COMPARISONS = {"tasks", "policies", "models", "env_steps", "epochs"}
_OF_FITS = {"data", "model", "optimizer"}


class PackagedConfig(NamedTuple):
    """A config by its name, which is its file's without the ending.

    Attributes:
        path: of its file.
        command: of the command line, that takes it.
        about: the first sentence of its file.
    """

    path: Path
    command: str
    about: str


def find_config(name: str, command: str, otherwise: str = "") -> str | Path:
    """The file that `name` means to a `command`: the one at that path, else the packaged config of that name.

    What has an ending or a directory in front is a path, whether there is a file or not.

    Raises:
        UserError: if `name` is neither, in a message that ends with `otherwise`, or is the config of another command.
    """
    if is_path(name):
        return name
    path = paths().get(name)
    if path is None:
        known = [entry for entry, config in packaged_configs().items() if config.command == command]
        hint = suggestion(name, known, listing="`odes-rl list configs`")
        raise UserError(f"there is no config {name!r} here, nor among the packaged ones: {hint}{otherwise}")
    own = command_of(read_yaml(path))
    if own != command:
        raise UserError(f"config {name!r} is for another command: odes-rl {own} {name}")
    return path


def is_path(name: str) -> bool:
    """Whether `name` means a file, rather than a packaged config."""
    return bool(Path(name).suffix) or os.sep in name or Path(name).is_file()


@cache
def paths() -> Mapping[str, Path]:
    """The files of all packaged configs by their names."""
    return {path.stem: path for directory in _directories() for path in sorted(directory.rglob("*.yaml"))}


def packaged_configs() -> dict[str, PackagedConfig]:
    """All packaged configs by their names, those of one command together."""
    read = {name: PackagedConfig(path, command_of(read_yaml(path)), _about(path)) for name, path in paths().items()}
    commands = ("train", "search", "compare", "fit", "study")
    return dict(sorted(read.items(), key=lambda item: (commands.index(item[1].command), item[0])))


def command_of(content: Mapping[Any, Any]) -> str:
    """The command whose config has this `content`."""
    if "study" in content:
        return "study"
    if "space" in content:
        return "search"
    if _OF_COMPARISONS & content.keys():
        return "compare"
    return "fit" if _OF_FITS & content.keys() else "train"


def _directories() -> Iterator[Path]:
    """Where configs lie: in a package, or beside it in a checkout."""
    studies = sorted({point.module.partition(".")[0] for point in entry_points(group="odes_rl.studies")})
    for package in ("odes_rl", *studies):
        spec = find_spec(package)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            inside, beside = Path(location, "configs"), Path(location).parent / "configs"
            if inside.is_dir():
                yield inside
            elif Path(location).parent.joinpath("pyproject.toml").is_file() and beside.is_dir():
                yield beside


def _about(path: Path) -> str:
    """The first sentence of the comment at the beginning."""
    lines = takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
    text = " ".join(line.lstrip("# ") for line in lines)
    return re.split(r"(?<!\bal)\. ", text)[0].rstrip(".") + "."
