"""What a logger that cannot forget has written of a run: the id of its run there, and the last step of each metric."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from odes_rl.loggers.logger import Line


class Logged:
    """A file that says what is logged, so that a resumed run goes on there and logs nothing twice.

    Attributes:
        identity: the id of the run; None before it has one.
    """

    def __init__(self, path: Path, counter: str) -> None:
        """The file at `path`, which may not exist yet; `counter` is the metric that numbers lines."""
        self.path, self.counter = path, counter
        content = _read(path)
        self.identity: str | None = content.get("run")
        self._last: dict[str, int] = content.get("last", {})

    def new(self, line: Line) -> dict[str, float]:
        """The numbers of `line` that are not logged yet."""
        step = int(line[self.counter])
        numbers = {name: float(v) for name, v in line.items() if name != self.counter and isinstance(v, int | float)}
        return {name: value for name, value in numbers.items() if step > self._last.get(name, -1)}

    def note(self, line: Line) -> None:
        """Keep in mind that all of `line` is logged."""
        self._last |= dict.fromkeys(self.new(line), int(line[self.counter]))

    def save(self, identity: str) -> None:
        """Write down what is logged, in the run `identity`."""
        self.identity = identity
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"run": identity, "last": self._last}) + "\n", encoding="utf-8")
        os.replace(temporary, self.path)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
