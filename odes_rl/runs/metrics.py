"""The lines of `metrics.jsonl`: one JSON object a generation. Free of JAX."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from odes_rl.errors import UserError
from odes_rl.runs.files import replace_text

Metrics = dict[str, Any]
"""The metrics of a generation: name → number, or None if not finite."""


def format_line(metrics: Mapping[str, Any]) -> str:
    """One line of JSON with its line break. Whatever is not finite becomes null, for JSON knows no NaN."""
    return json.dumps(plain_metrics(metrics), allow_nan=False) + "\n"


def plain_metrics(metrics: Mapping[str, Any]) -> Metrics:
    """`metrics` as Python numbers, None for what is not finite."""
    return {name: _plain(value) for name, value in metrics.items()}


def read_metrics(path: Path) -> list[Metrics]:
    """All whole lines of the file at `path`, none if it is absent; a last line torn by a kill is left out.

    Raises:
        UserError: if a whole line is no JSON object.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    return [parse_line(path, line, f"line {number}") for number, line in enumerate(lines[:-1], 1)]


def write_metrics(path: Path, lines: list[Metrics]) -> None:
    """Replace the file at `path` by `lines`, at once."""
    replace_text(path, "".join(map(format_line, lines)))


def parse_line(path: Path, line: bytes, where: str) -> Metrics:
    """The metrics in a `line` of the file at `path`; `where` names it in messages.

    Raises:
        UserError: if it is no JSON object.
    """
    try:
        metrics = json.loads(line)
    except ValueError:
        metrics = None
    if not isinstance(metrics, dict):
        raise UserError(
            f"{str(path)!r}: {where} is not a JSON object, and no interruption causes this: repair or remove it"
        )
    return metrics


def _plain(value: Any) -> Any:
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
