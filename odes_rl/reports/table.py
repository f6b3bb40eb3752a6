"""The table of a comparison, as CSV and Markdown, and the evaluations that it is of. Free of JAX."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence

from matplotlib.ticker import EngFormatter

from odes_rl.reports.comparison import Comparison, Result
from odes_rl.reports.rows import Row

HEADINGS = (
    "policy",
    "parameters",
    "seeds",
    "best",
    "final",
    "final, IQM [95 %]",
    "area / steps",
    "steps to {threshold}",
    "P(better than {baseline}) [95 %]",
    "env.step/s",
)
_STEPS = EngFormatter(places=2)


def csv_text(rows: Sequence[Row]) -> str:
    """Every field of `rows`, empty where there is none."""
    return _csv(Row._fields, rows)


def evaluations_text(results: Sequence[Result]) -> str:
    """Every evaluation of every run: the raw numbers of the curves, and small."""
    lines = [
        (*result.place[:3], int(steps), f"{value:.2f}")
        for result in results
        for steps, value in zip(result.run.steps, result.run.returns, strict=True)
    ]
    return _csv(("task", "policy", "seed", "env_steps", "return"), lines)


def markdown_text(comparison: Comparison, rows: Sequence[Row]) -> str:
    """A table for each task."""
    return "\n\n".join(
        f"### {task}\n\n{_markdown_table(comparison, own)}"
        for task in comparison.thresholds
        if (own := [row for row in rows if row.task == task])
    )


def headings(comparison: Comparison, task: str) -> list[str]:
    """The headings of a task's table."""
    threshold = comparison.thresholds[task]
    named = {"threshold": "threshold" if threshold is None else f"{threshold:g}", "baseline": comparison.baseline}
    return [heading.format(**named) for heading in HEADINGS]


def cells_of(row: Row) -> list[str]:
    """The fields of `row` as they are shown, under `HEADINGS`."""
    return [
        row.policy,
        "–" if row.parameters is None else f"{row.parameters}",
        f"{row.finished} of {row.planned}",
        _spread(row.best_mean, row.best_std),
        _spread(row.final_mean, row.final_std),
        _within(row.final_iqm, row.final_iqm_low, row.final_iqm_high, _number),
        _spread(row.area_mean, row.area_std),
        _reached(row),
        _within(row.improvement, row.improvement_low, row.improvement_high, "{:.2f}".format),
        "–" if row.env_steps_per_second is None else f"{row.env_steps_per_second:,.0f}",
    ]


def _csv(heading: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows(lines)
    return text.getvalue()


def _markdown_table(comparison: Comparison, rows: Sequence[Row]) -> str:
    heading = headings(comparison, rows[0].task)
    lines = [heading, ["---"] + ["---:"] * (len(heading) - 1), *map(cells_of, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _spread(mean: float, deviation: float | None) -> str:
    return _number(mean) if deviation is None else f"{_number(mean)} ± {_number(deviation)}"


def _within(value: float | None, low: float | None, high: float | None, form: Callable[[float], str]) -> str:
    if value is None:
        return "–"
    return form(value) if low is None or high is None else f"{form(value)} [{form(low)}, {form(high)}]"


def _reached(row: Row) -> str:
    if row.steps_to_threshold is None:
        return "–"
    return f"{_STEPS(row.steps_to_threshold)} ({row.reached} of {row.seeds})"
