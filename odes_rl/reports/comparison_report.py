"""The report of a comparison: pictures, tables and a page, in one directory. Free of JAX."""

from pathlib import Path

from odes_rl.reports.accuracy_table import accuracies_csv, accuracy_sections
from odes_rl.reports.comparison import Comparison, read_results
from odes_rl.reports.drawing import save
from odes_rl.reports.page import headline, notes, page_text, remarks
from odes_rl.reports.panels import INTERQUARTILE, MEAN, draw_panels
from odes_rl.reports.rows import make_rows
from odes_rl.reports.table import evaluations_text, markdown_text, rows_text
from odes_rl.runs.files import REPORT, replace_text, writing_to

KINDS = {"curves": MEAN, "interquartile": INTERQUARTILE}
"""The pictures, by the names of their files."""


def write_report(comparison: Comparison, directory: Path) -> list[Path]:
    """Write the report of `comparison` to `directory`; the files, the page first.

    Raises:
        UserError: if no cell has an evaluation yet, metrics cannot be read, or pictures cannot be written.
        StorageError: if the tables or the page cannot be written.
    """
    results = read_results(comparison)
    rows = make_rows(comparison, results)
    tasks = [task for task in comparison.thresholds if any(row.task == task for row in rows)]
    pictures = [
        path
        for name, kind in KINDS.items()
        for path in save(draw_panels(comparison, results, tasks, kind), directory / name)
    ]
    measure = comparison.measure
    parts = [f"# Comparison of {measure.learners}", headline(comparison, results), markdown_text(comparison, rows)]
    parts += accuracy_sections(comparison, results)
    for title, lines in remarks(comparison, results).items():
        parts += [f"### {title}", "\n".join(f"- {line}" for line in lines)]
    texts = {
        REPORT: page_text(comparison, results, rows),
        "table.md": "\n\n".join([*parts, "\n".join(f"- {note}" for note in notes(measure))]) + "\n",
        "table.csv": rows_text(measure, rows),
        "evaluations.csv": evaluations_text(measure, results),
    }
    if accuracies := accuracies_csv(comparison, results):
        texts["accuracies.csv"] = accuracies
    with writing_to(directory):
        for name, text in texts.items():
            replace_text(directory / name, text)
    return [*(directory / name for name in texts), *pictures]
