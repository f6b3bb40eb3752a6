"""What a study leaves behind: its config, its table as CSV and Markdown, its picture as PNG and PDF."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from odes_rl.records.files import CONFIG, replace_text, write_yaml, writing_to
from odes_rl.reports.drawing import save
from odes_rl.studies.base import Findings, StudyConfig


def write_findings(config: StudyConfig, findings: Findings) -> list[Path]:
    """Write `findings` to the config's directory; the files.

    Raises:
        StorageError: if the config or the table cannot be written.
        UserError: if the picture cannot be.
    """
    directory = Path(config.directory)
    with writing_to(directory):
        directory.mkdir(parents=True, exist_ok=True)
        write_yaml(directory / CONFIG, config.model_dump(mode="json"))
        replace_text(directory / "table.csv", csv_text(findings))
        replace_text(directory / "table.md", markdown_text(findings))
    return [directory / "table.md", directory / "table.csv", *save(findings.figure, directory / "picture")]


def csv_text(findings: Findings) -> str:
    """The table as CSV, numbers in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(findings.heading)
    writer.writerows(findings.rows)
    return text.getvalue()


def markdown_text(findings: Findings) -> str:
    """The table as Markdown, and the notes below it."""
    lines = [findings.heading, ["---"] + ["---:"] * (len(findings.heading) - 1), *map(shown, findings.rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([table, *findings.notes]) + "\n"


def shown(row: Sequence[object]) -> list[str]:
    """The cells of a row as they are read: numbers with four significant digits, nothing for None."""
    return [_shown(cell) for cell in row]


def _shown(cell: object) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float | np.floating):
        return f"{cell:.4g}"
    return f"{cell:,}" if isinstance(cell, int | np.integer) else str(cell)
