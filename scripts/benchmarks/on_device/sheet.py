"""The figures of `device.py` as Markdown tables, of whatever there is of them."""

from collections.abc import Callable, Iterable
from typing import Any

from measuring import table

from on_device import rows
from on_device.plan import Cell
from on_device.rows import Outcomes, Row


def sheet(results: dict[str, dict[str, Any]]) -> str:
    """All tables of the `results`, stages by their names, and notes on what failed or was left out."""
    parts = []
    for name, (title, header, rows_of) in _TABLES.items():
        outcomes = results.get(name, {}).get("cells", [])
        if any(outcome["figures"] for outcome in outcomes):
            body = rows_of([outcome for outcome in outcomes if outcome["figures"]], results)
            parts.append(f"**{title}**\n\n{table(header, body)}")
    return "\n\n".join([*parts, *_notes(results)])


def _notes(results: dict[str, dict[str, Any]]) -> list[str]:
    lines = []
    for name, stage in results.items():
        reasons: dict[str, list[Cell]] = {}
        for outcome in stage["cells"]:
            if outcome["failed"]:
                reasons.setdefault(outcome["failed"], []).append(outcome["cell"])
        lines += [f"- {name}, {'; '.join(map(_cell, cells))}: {reason}" for reason, cells in reasons.items()]
    return ["\n".join(lines)] if lines else []


def _cell(cell: Cell) -> str:
    shown = cell.get("cell", cell)
    names = ("task", "backend", "candidates", "hidden", "population", "turn")
    return " ".join(f"{name} {shown[name]}" for name in names if name in shown)


_COMPILING = ["trace s", "compile s", "programs kept before"]
_IDENTICAL = [f"{name}, {where}" for name in ("weights", "episodes", "updates") for where in ("here", "elsewhere")]
_TABLES: dict[str, tuple[str, list[str], Callable[[Outcomes, Any], Iterable[Row]]]] = {
    "machine": ("Device", ["device", "memory GB", "copy GB/s"], rows.machine),
    "parity": (
        "One step beside the environment's own, float32",
        ["task", "steps", "observation", "reward", "ends apart", "within 1e-3"],
        rows.parity,
    ),
    "weights": (
        "Weights beside the CPU's, largest difference",
        ["h", "as in training", "with the highest precision"],
        rows.weights,
    ),
    "throughput": (
        "Environment steps a second",
        ["task", "backend", "candidates", "env.step/s", "/ processes", "at once", "GB", "µs a start", *_COMPILING],
        rows.throughput,
    ),
    "compile": ("First runs, several at a time", ["stage", "task", "candidates", *_COMPILING], rows.compiled),
    "bits": (
        "Identical bits, in one process and in another",
        ["task", "candidates", "XLA_FLAGS", "seconds", *_IDENTICAL],
        rows.bits,
    ),
    "learner": (
        "ODEtoODE's candidates and update",
        ["h", "population", "ask ms", "of copy", "materialise ms", "of copy", "tell ms", "of copy", "GB"],
        rows.learner,
    ),
    "inference": (
        "Actions on the device, env.step/s",
        ["h", "candidates", "workers", "device", "device / workers"],
        rows.inference,
    ),
    "training": (
        "Trainings",
        ["task", "candidates", "generations", "env steps", "seconds", "env.step/s", "return before", "best"],
        rows.training,
    ),
}
