"""The report as one self-contained HTML page: embedded figures, tables that also fit a phone. Free of JAX."""

import base64
import io
from collections.abc import Collection, Sequence
from html import escape

from matplotlib.figure import Figure

from odes_rl.reports.accuracy_table import AccuracyTable, accuracy_table, shown_accuracies
from odes_rl.reports.comparison import Comparison, Result, diverged
from odes_rl.reports.measures import Measure
from odes_rl.reports.panels import INTERQUARTILE, MEAN, Kind, draw_panels
from odes_rl.reports.rows import Row
from odes_rl.reports.table import cells_of, headings

_NOTES = (
    "best: the best evaluation. final: the last evaluation. Both, and the area under the curve, are mean ± standard "
    "deviation over seeds. The area is divided by the width that all runs of the task cover, which gives the mean "
    "during training.",
    "IQM: interquartile mean, without a quarter of the seeds at either end, rounded down (none of three seeds). In "
    "brackets: bootstrap intervals of 95 %, from resampling seeds with replacement. With few seeds they are rough, and "
    "too narrow rather than too wide: if all seeds of one are above all of the other, the interval is [1.00, 1.00].",
    "One seed has no deviation, no interval, and no probability of being better; the table shows a dash.",
    "{steps} to: the median over the seeds with an evaluation that reached the threshold, and the number of these "
    "seeds.",
    "P(better): the probability that the last evaluation of a seed is better than that of a seed of the baseline.",
    "{speed}: speed of one run while others ran at the same time.",
)
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem; color: #222;
       background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; overflow-wrap: anywhere; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
figure { margin: 0; } img { width: 100%; height: auto; display: block; }
table { border-collapse: collapse; width: 100%; font-size: 0.85rem; margin-top: 1rem; }
td { font-variant-numeric: tabular-nums; } @media (min-width: 72rem) { td { white-space: nowrap; } }
th, td { padding: 0.3rem 0.4rem; text-align: right; border-bottom: 1px solid #ddd; vertical-align: top; }
th:first-child, td:first-child { text-align: left; font-weight: 600; }
li { overflow-wrap: anywhere; }
@media (max-width: 60rem) {
  thead { display: none; }
  tr { display: block; border-bottom: 2px solid #bbb; padding: 0.4rem 0; }
  td { display: flex; justify-content: space-between; gap: 1rem; border: 0; padding: 0.1rem 0; }
  td::before { content: attr(data-label); color: #555; font-weight: 400; text-align: left; }
  td:first-child { font-size: 1rem; } td:first-child::before { content: none; }
}
"""


def notes(measure: Measure) -> list[str]:
    """How to read the tables."""
    return [measure.about, *(note.format(speed=measure.speed_label, steps=measure.steps_word) for note in _NOTES)]


def page_text(comparison: Comparison, results: Sequence[Result], rows: Sequence[Row]) -> str:
    """The page, as HTML."""
    tasks = [task for task in comparison.thresholds if any(row.task == task for row in rows)]
    sections = "\n".join(_section(comparison, results, rows, task) for task in tasks)
    lists = "\n".join(f"<h2>{title}</h2>{_list(lines)}" for title, lines in remarks(comparison, results).items())
    title = f"Comparison of {comparison.measure.learners}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<p>{escape(headline(comparison, results))}</p>
{sections}
{lists}
<h2>How to read this</h2>
{_list(notes(comparison.measure))}
</body>
</html>
"""


def headline(comparison: Comparison, results: Sequence[Result]) -> str:
    """What was compared, and how many runs are finished."""
    lost = diverged(comparison, results)
    finished = sum(result.finished for result in results) + len(lost)
    tasks, learners, measure = len(comparison.thresholds), len(comparison.learners), comparison.measure
    there = {place[:2] for place in (*lost, *(result.place for result in results))}
    absent = [words for task in comparison.thresholds if (words := _absent(comparison, task, there))]
    least, most = min(comparison.budgets.values()), max(comparison.budgets.values())
    budget = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return (
        f"{tasks} {measure.task if tasks == 1 else measure.tasks}, "
        f"{learners} {measure.learner if learners == 1 else measure.learners}, "
        f"{budget} {measure.steps_label} a run; {finished} of {len(comparison.places)} runs are finished."
        + (f" No evaluation yet: {'; '.join(absent)}." if absent else "")
    )


def _absent(comparison: Comparison, task: str, there: Collection[tuple[str, str]]) -> str:
    """The policies or models without an evaluation on `task`, in words; empty if none."""
    planned = list(dict.fromkeys(place.learner for place in comparison.places if place.task == task))
    missing = [learner for learner in planned if (task, learner) not in there]
    return f"all of {task}" if missing == planned else ", ".join([task, *missing]) if missing else ""


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def remarks(comparison: Comparison, results: Sequence[Result]) -> dict[str, list[str]]:
    """Title → lines, of what a reader should know of single runs; without titles that have none."""
    told = {
        "Failed": failure_lines(comparison),
        "Diverged": diverged_lines(comparison, results),
        "Stuck at the end": stuck_lines(results),
    }
    return {title: lines for title, lines in told.items() if lines}


def failure_lines(comparison: Comparison) -> list[str]:
    """The cells that failed, and why."""
    return [f"{place.name}: {reason}" for place, reason in comparison.failures.items()]


def diverged_lines(comparison: Comparison, results: Sequence[Result]) -> list[str]:
    """The finished runs that have no result."""
    return [
        f"{place.name}: no evaluation was finite; the statistics leave it out"
        for place in diverged(comparison, results)
    ]


def stuck_lines(results: Sequence[Result]) -> list[str]:
    """The runs that did not improve any more, or had learnt all that they could."""
    return [f"{r.place.name}: the last {r.stuck} evaluations did not improve" for r in results if r.stuck]


def _section(comparison: Comparison, results: Sequence[Result], rows: Sequence[Row], task: str) -> str:
    pictures = "".join(_picture(comparison, results, task, kind) for kind in (MEAN, INTERQUARTILE))
    lines = [cells_of(comparison, row) for row in rows if row.task == task]
    accuracies = accuracy_table(comparison, results, task)
    return f"""<section>
<h2>{escape(task)}</h2>
<div class="pictures">{pictures}</div>
{_table(headings(comparison, task), lines)}
{_accuracies(accuracies) if accuracies else ""}
</section>"""


def _table(labels: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    heading = "".join(f"<th>{escape(label)}</th>" for label in labels)
    body = "\n".join(_table_row(labels, line) for line in lines)
    return f"<table><thead><tr>{heading}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def _table_row(labels: Sequence[str], texts: Sequence[str]) -> str:
    cells = zip(labels, texts, strict=True)
    return "<tr>" + "".join(f'<td data-label="{escape(label)}">{escape(text)}</td>' for label, text in cells) + "</tr>"


def _accuracies(table: AccuracyTable) -> str:
    lines = [shown_accuracies(table, name) for name in table.sets]
    return f"<h3>Accuracy on each set, in %</h3>\n{_table(['set', *table.learners], lines)}"


def _picture(comparison: Comparison, results: Sequence[Result], task: str, kind: Kind) -> str:
    figure = draw_panels(comparison, results, [task], kind)
    words = (
        f"{task}: {comparison.measure.values_label} against {comparison.measure.steps_label}, {figure.get_suptitle()}"
    )
    return f'<figure><img alt="{escape(words)}" src="data:image/png;base64,{_encoded(figure)}"></figure>'


def _encoded(figure: Figure) -> str:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=180, metadata={"Software": None})
    return base64.b64encode(picture.getvalue()).decode("ascii")
