"""First runs of cells of other stages, several at a time: what they compile is kept for those stages."""

from importlib import import_module
from typing import Any


def measure(cell: dict[str, Any], seconds: float, report: Any) -> dict[str, Any]:
    """What the first run of a cell tells: `of` names its stage."""
    return import_module(f"on_device.{cell['of']}").first(cell["cell"])
