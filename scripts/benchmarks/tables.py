"""The figures of `throughput.py` as Markdown tables."""

from collections.abc import Callable
from typing import Any

from measuring import table
from peers import PEERS, SETTINGS
from replay import REPLAYS
from variants import variants

Results = dict[str, dict[str, Any]]
"""Task → figures."""
Column = Callable[[dict[str, Any]], str]


def tables(results: Results) -> str:
    """Ours, the peers, the profile, and the notes."""
    parts = [_table(results, columns) for columns in (_ours(results), _peers(results), _profile())]
    notes = [f"- {task}: {note}" for task, figures in results.items() for note in figures["notes"]]
    return "\n\n".join(part for part in [*parts, "\n".join(notes)] if part)


def _table(results: Results, columns: dict[str, Column]) -> str:
    if not columns:
        return ""
    rows = [[task, *(column(figures) for column in columns.values())] for task, figures in results.items()]
    return table(["task", *columns], rows)


def _ours(results: Results) -> dict[str, Column]:
    names = [*REPLAYS, *_measured(results, [variant.name for variant in variants()])]
    return {
        **{name: _rate(name) for name in names},
        "best / physics": _ratio("physics"),
        "best / bare loop": _ratio("bare loop"),
    }


def _peers(results: Results) -> dict[str, Column]:
    names = _measured(results, [name + suffix for suffix in SETTINGS for name in PEERS])
    if not names:
        return {}
    return {
        "best of ours": _best_rate,
        **{name: _rate(name) for name in names},
        **{f"/ {name}": _ratio(name) for name in names},
        "physics / fastest peer": _room,
    }


def _profile() -> dict[str, Column]:
    return {
        "best": lambda figures: figures["best"],
        "rollouts / physics": lambda figures: f"{figures['rollouts_over_physics']:.2f}",
        "outside rollouts": lambda figures: f"{figures['outside']:.1%}",
        "act µs": lambda figures: f"{figures['act_microseconds']:.1f}",
        "act share": lambda figures: f"{figures['act_share']:.1%}",
    }


def _measured(results: Results, names: list[str]) -> list[str]:
    return [name for name in names if any(name in figures["rates"] for figures in results.values())]


def _rate(name: str) -> Column:
    return lambda figures: f"{figures['rates'][name]:,.0f}" if name in figures["rates"] else "–"


def _ratio(name: str) -> Column:
    return lambda figures: f"{figures['best_over'][name]:.2f}" if name in figures["best_over"] else "–"


def _room(figures: dict[str, Any]) -> str:
    ratio = figures["physics_over_fastest_peer"]
    return "–" if ratio is None else f"{ratio:.2f}"


def _best_rate(figures: dict[str, Any]) -> str:
    return f"{figures['rates'][figures['best']]:,.0f} ({figures['best']})"
