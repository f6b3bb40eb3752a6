"""What a study leaves behind: its config, its table as CSV and Markdown, its picture as PNG and PDF."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from odes_rl.csv_text import csv_text
from odes_rl.errors import UserError
from odes_rl.reports.drawing import save
from odes_rl.runs.files import (
    CHECKPOINTS,
    CONFIG,
    METRICS,
    REPORT,
    SEARCH,
    replace_text,
    runs_below,
    write_yaml,
    writing_to,
)
from odes_rl.runs.lock import only_trainer
from odes_rl.studies.study import Findings, StudyConfig

_TABLE, _PICTURE = "table", "picture"


@contextmanager
def place_for_findings(directory: Path, *, overwrite: bool) -> Iterator[None]:
    """Keep `directory`, which is made, for the one study that runs meanwhile.

    Raises:
        UserError: if it holds a run, a comparison or a search; an earlier study, unless that is to be replaced by
            `overwrite`; or if another process is at work there.
        StorageError: if it cannot be made.
    """
    with writing_to(directory):
        directory.mkdir(parents=True, exist_ok=True)
    with only_trainer(directory):
        _check_free(directory, overwrite=overwrite)
        yield


def _check_free(directory: Path, *, overwrite: bool) -> None:
    def holds(*names: str) -> bool:
        return any((directory / name).exists() for name in names)

    if holds(METRICS, CHECKPOINTS, REPORT, SEARCH) or runs_below(directory):
        raise UserError(f"{str(directory)!r} holds a run, a comparison or a search: give another --directory")
    if not overwrite and holds(CONFIG, f"{_TABLE}.csv", f"{_TABLE}.md", f"{_PICTURE}.png", f"{_PICTURE}.pdf"):
        raise UserError(
            f"{str(directory)!r} already holds a study: add --overwrite to replace it, or give another --directory"
        )


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
        replace_text(directory / f"{_TABLE}.csv", csv_text(findings.heading, findings.rows))
        replace_text(directory / f"{_TABLE}.md", markdown_text(findings))
    return [directory / f"{_TABLE}.md", directory / f"{_TABLE}.csv", *save(findings.figure, directory / _PICTURE)]


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
    whole = isinstance(cell, int | np.integer) and not isinstance(cell, bool)
    return f"{cell:,}" if whole else str(cell)
