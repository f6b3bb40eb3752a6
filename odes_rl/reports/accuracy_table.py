"""Accuracies by the set that they are on, as in Table 1 of Choromanski et al. 2020: rows sets, columns models.

Free of JAX.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from odes_rl.csv_text import csv_text
from odes_rl.reports.comparison import Comparison, Result, results_of
from odes_rl.reports.table import markdown_rows


class AccuracyTable(NamedTuple):
    """Accuracies after the last evaluation.

    Attributes:
        learners: labels of the models, in order.
        sets: names of the sets, in order.
        values: set and model → accuracy of each seed [S].
    """

    learners: tuple[str, ...]
    sets: tuple[str, ...]
    values: Mapping[tuple[str, str], np.ndarray]


def accuracy_table(comparison: Comparison, results: Sequence[Result], task: str) -> AccuracyTable | None:
    """The table of a data set; None if the models were evaluated on one set alone, or are policies."""
    groups = {learner: results_of(results, task, learner) for learner in comparison.learners}
    groups = {learner: group for learner, group in groups.items() if group}
    sets = tuple(dict.fromkeys(name for group in groups.values() for result in group for name in result.accuracies))
    if len(sets) < 2:
        return None
    values = {
        (name, learner): np.array([result.accuracies.get(name, np.nan) for result in group])
        for name in sets
        for learner, group in groups.items()
    }
    return AccuracyTable(tuple(groups), sets, values)


def shown_accuracies(table: AccuracyTable, name: str, best: str = "{}") -> list[str]:
    """A row: the set's `name`, then each model's mean in %, with the deviation over seeds; the `best` is marked."""
    means = {learner: float(table.values[name, learner].mean()) for learner in table.learners}
    highest = max((mean for mean in means.values() if not np.isnan(mean)), default=np.nan)
    return [name, *(_marked(table, name, k, best if means[k] == highest else "{}") for k in table.learners)]


def accuracy_sections(comparison: Comparison, results: Sequence[Result]) -> list[str]:
    """The tables as Markdown, each with its heading; the best of each row is bold."""
    sections: list[str] = []
    for task in comparison.thresholds:
        table = accuracy_table(comparison, results, task)
        if table is None:
            continue
        lines = [["set", *table.learners], ["---"] + ["---:"] * len(table.learners)]
        lines += [shown_accuracies(table, name, "**{}**") for name in table.sets]
        sections += [f"### {task}: accuracy on each set, in %", markdown_rows(lines)]
    return sections


def accuracies_csv(comparison: Comparison, results: Sequence[Result]) -> str:
    """Every seed's accuracy on every set, as CSV; empty if there is no table."""
    tabled = [task for task in comparison.thresholds if accuracy_table(comparison, results, task)]
    own = [result for task in tabled for result in results if result.place.task == task]
    lines = [(*r.place[:3], name, f"{value:.4f}") for r in own for name, value in r.accuracies.items()]
    return csv_text(("task", comparison.measure.learner, "seed", "set", "accuracy"), lines) if lines else ""


def _marked(table: AccuracyTable, name: str, learner: str, form: str) -> str:
    values = 100 * table.values[name, learner]
    if np.isnan(values).any():  # not every run was evaluated on that set
        return "–"
    mean = form.format(f"{values.mean():.2f}")
    return mean if len(values) < 2 else f"{mean} ± {values.std(ddof=1):.2f}"
