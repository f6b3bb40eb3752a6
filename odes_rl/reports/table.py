"""The table of a comparison, as CSV and Markdown, and the evaluations that it is of. Free of JAX."""

from collections.abc import Callable, Iterable, Sequence

from matplotlib.ticker import EngFormatter

from odes_rl.csv_text import csv_text
from odes_rl.reports.comparison import Comparison, Result
from odes_rl.reports.measures import RETURNS, Measure
from odes_rl.reports.rows import Row

HEADINGS = (
    "{learner}",
    "parameters",
    "seeds",
    "best",
    "final",
    "final, IQM [95 %]",
    "area / width",
    "{steps} to {threshold}",
    "P(better than {baseline}) [95 %]",
    "{speed}",
)
_MEMORY = ("parameters, MB", "activations, MB")
"""Headings behind that of the parameters, for supervised models."""
_STEPS = EngFormatter(places=2)


def rows_text(measure: Measure, rows: Sequence[Row]) -> str:
    """Every field of `rows`, empty where there is none; `activation_bytes` of supervised models alone."""
    fields = [field for field in Row._fields if measure is not RETURNS or field != "activation_bytes"]
    lines = [[getattr(row, field) for field in fields] for row in rows]
    return csv_text([_named(measure, field) for field in fields], lines)


def evaluations_text(measure: Measure, results: Sequence[Result]) -> str:
    """Every evaluation of every run: the raw numbers of the curves, and small."""
    lines = [
        (*result.place[:3], int(steps), measure.recorded_form(value))
        for result in results
        for steps, value in zip(result.run.steps, result.run.returns, strict=True)
    ]
    return csv_text(("task", measure.learner, "seed", measure.steps, measure.values_label), lines)


def _named(measure: Measure, field: str) -> str:
    return {"learner": measure.learner, "speed": measure.speed}.get(field, field)


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
    measure = comparison.measure
    named = {
        "threshold": "threshold" if threshold is None else f"{threshold:g}",
        "baseline": comparison.baseline,
        "learner": measure.learner,
        "steps": measure.steps_word,
        "speed": measure.speed_label,
    }
    memory = () if measure is RETURNS else _MEMORY
    return [heading.format(**named) for heading in (*HEADINGS[:2], *memory, *HEADINGS[2:])]


def cells_of(comparison: Comparison, row: Row) -> list[str]:
    """The fields of `row` as they are shown, under the `headings`."""
    form = comparison.measure.values_form
    return [
        row.learner,
        "–" if row.parameters is None else f"{row.parameters}",
        *([] if comparison.measure is RETURNS else _memory(row)),
        f"{row.finished} of {row.planned}",
        spread(row.best_mean, row.best_std, form),
        spread(row.final_mean, row.final_std, form),
        within(row.final_iqm, row.final_iqm_low, row.final_iqm_high, form),
        spread(row.area_mean, row.area_std, form),
        _reached(row),
        within(row.improvement, row.improvement_low, row.improvement_high, "{:.2f}".format),
        "–" if row.speed is None else f"{row.speed:,.0f}",
    ]


def _markdown_table(comparison: Comparison, rows: Sequence[Row]) -> str:
    heading = headings(comparison, rows[0].task)
    lines = [heading, ["---"] + ["---:"] * (len(heading) - 1), *(cells_of(comparison, row) for row in rows)]
    return markdown_rows(lines)


def markdown_rows(lines: Iterable[Sequence[str]]) -> str:
    """The lines of a table in Markdown, each of its cells' texts."""
    return "\n".join(f"| {' | '.join(text.replace('|', '&#124;') for text in line)} |" for line in lines)


def spread(mean: float, deviation: float | None, form: Callable[[float], str]) -> str:
    """A mean and its deviation, each written by `form`; the mean alone without one."""
    return form(mean) if deviation is None else f"{form(mean)} ± {form(deviation)}"


def within(value: float | None, low: float | None, high: float | None, form: Callable[[float], str]) -> str:
    """A value in its interval, each number written by `form`; the value alone without one, a dash without a value."""
    if value is None:
        return "–"
    return form(value) if low is None or high is None else f"{form(value)} [{form(low)}, {form(high)}]"


def _memory(row: Row) -> list[str]:
    return [_megabytes(4, row.parameters), _megabytes(1, row.activation_bytes)]


def _megabytes(each: int, count: int | None) -> str:
    """The memory of `count` things of `each` bytes."""
    return "–" if count is None else f"{each * count / 1e6:.3g}"


def _reached(row: Row) -> str:
    if row.steps_to_threshold is None:
        return "–"
    steps = row.steps_to_threshold
    return f"{f'{steps:g}' if steps < 1000 else _STEPS(steps)} ({row.reached} of {row.seeds})"
