"""The trainings of `time_to_reward.py` as a Markdown table."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

from measuring import table
from published import CONTESTANTS

Record = dict[str, Any]
"""Of one training: the fields of its `Training` and of its `Outcome`, and its evaluations."""


def set_up(record: Record) -> float:
    """Seconds that the first iteration took more than the mean of the others."""
    others = record["iterations"] - 1
    usual = (record["seconds"] - record["first"]) / others if others > 0 else 0.0
    return max(record["first"] - usual, 0.0)


def summary(records: Sequence[Record]) -> dict[str, str]:
    """A row of the table, of the `records` of one contestant on one task; what has not reached the goal is infinite."""
    done = [record for record in records if record["outcome"] != "failed"]
    return {
        "seconds": _middle(records, "seconds") or _end(done),
        "each seed": ", ".join(map(single, records)),
        "steps": _middle(records, "steps") or "–",
        "imports": _median([record["imports"] for record in done], ".1f"),
        "set-up": _median([set_up(record) for record in done], ".1f"),
        "steps a second": _median([record["steps"] / record["seconds"] for record in done], ",.0f"),
    }


def _middle(records: Sequence[Record], figure: str) -> str:
    """The median of `figure` when the goal was reached; nothing if half of the trainings have not."""
    values = [record[figure] if record["outcome"] == "reached" else math.inf for record in records]
    middle = statistics.median(values)
    return f"{middle:,.0f}" if math.isfinite(middle) else ""


def _end(done: Sequence[Record]) -> str:
    return f"not reached within {max(record['seconds'] for record in done):,.0f} s" if done else "failed"


def _median(values: Sequence[float], form: str) -> str:
    return format(statistics.median(values), form) if values else "–"


def single(record: Record) -> str:
    """One training in words: its seconds, or how it ended."""
    if record["outcome"] == "reached":
        return f"{record['seconds']:.0f}"
    if record["outcome"] == "failed":
        return "failed"
    best = max((evaluation["mean"] for evaluation in record["evaluations"]), default=math.nan)
    end = " (its end)" if record["outcome"] == "over" else ""
    return f"> {record['seconds']:.0f}{end}: {best:.0f} at best"


def reward_table(records: Sequence[Record]) -> str:
    """The Markdown table of all trainings: a line for each task and contestant."""
    rows: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        rows.setdefault((f"{record['task']} to {record['goal']:g}", record["contestant"]), []).append(record)
    header: list[str] = ["", "contestant"]
    body = []
    for (task, contestant), group in sorted(rows.items(), key=lambda row: _order(row[1][0])):
        row = summary(sorted(group, key=lambda record: record["seed"]))
        header[2:] = row
        body.append([task, contestant, *row.values()])
    return table(header, body)


def _order(record: Record) -> tuple[str, int]:
    return record["task"], list(CONTESTANTS).index(record["contestant"])
