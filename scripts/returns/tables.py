"""The tables and pictures of the benchmark's page, made of its runs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from odes_rl.reports.comparison import Comparison, Place, Result
from odes_rl.reports.drawing import save
from odes_rl.reports.measures import RETURNS
from odes_rl.reports.panels import MEAN, draw_panels
from odes_rl.reports.rows import Row, make_rows
from odes_rl.reports.seeds import Run
from odes_rl.reports.table import spread, within
from returns.levels import LEVELS, SOURCES, levels_of
from returns.runs import Recorded

POLICIES = ("ode_to_ode", "linear")
"""Policies of the first table."""
_HEADINGS = (
    "policy",
    "environment steps",
    "seeds finished",
    "parameters",
    "final, seed by seed",
    "mean ± deviation",
    "IQM [95 %]",
    "best evaluation",
    "hours",
    "machine",
)


class Picture(NamedTuple):
    """A file of curves, and where they stand.

    Attributes:
        marker: of its place on the page.
        learners: whose curves it has, the first one beside others.
        shown: whether it has a panel of a task, by its id; none: of those where one of the others has run.
    """

    marker: str
    learners: tuple[str, ...]
    shown: Callable[[str], bool] | None = None


_ARCHITECTURES = (*POLICIES, "nanode", "base_ode", "hyper_net", "deep_net", "deep_res_net")
_PARTS = ("constant_weights", "haar_initial", "frozen_projections", "no_path", "learned_gain", "equal_sigma")
_OPTIONS = ("growing_episodes", "equal_observations", "differences", "wide_differences", "wide_signs", "larger_output")
_MAIN = list(LEVELS)[:6]
PICTURES = {
    "benchmark": Picture("curves", _ARCHITECTURES, lambda task: task in _MAIN),
    "benchmark_more": Picture("curves", _ARCHITECTURES, lambda task: task not in _MAIN),
    "benchmark_parts": Picture("parts", ("ode_to_ode", *_PARTS)),
    "benchmark_options": Picture("options", ("ode_to_ode", *_OPTIONS)),
}
"""Name of the file → what it shows: no more lines than there are colours."""


class Benchmark(NamedTuple):
    """The runs of the benchmark in sections, of a task and a number of environment steps each.

    Attributes:
        runs: section → its runs.
        comparison: sections as tasks.
        results: of all runs.
        rows: statistics of each policy in each section, over finished seeds, or over all while none is finished.
    """

    runs: dict[str, list[Recorded]]
    comparison: Comparison
    results: list[Result]
    rows: list[Row]


def make_benchmark(runs: Sequence[Recorded]) -> Benchmark:
    """The benchmark of all `runs`, at least one."""
    sections: dict[str, list[Recorded]] = {}
    for run in runs:
        sections.setdefault(section(run), []).append(run)
    there = {run.key.policy for run in runs}
    places = [Place(section(run), run.key.policy, run.key.seed, Path()) for run in runs]
    comparison = Comparison(
        budgets={name: group[0].key.env_steps for name, group in sections.items()},
        thresholds=dict.fromkeys(sections),
        learners=tuple(policy for policy in dict.fromkeys([*POLICIES, *sorted(there)]) if policy in there),
        baseline=runs[0].key.policy,
        places=tuple(places),
        failures={},
    )
    results = [_result(place, run) for place, run in zip(places, runs, strict=True)]
    return Benchmark(sections, comparison, results, make_rows(comparison, results))


def section(run: Recorded) -> str:
    """The heading of a run's section."""
    return f"{run.key.task}, {millions(run.key.env_steps)} environment steps"


def millions(steps: float) -> str:
    """A number of environment steps, in millions where it is that many."""
    return f"{steps / 1e6:.3g} M" if steps >= 1e5 else f"{steps:,.0f}"


def summary(benchmark: Benchmark) -> str:
    """A row a section: the final returns of `POLICIES`, and what others reach, with the sources below."""
    lines, used = [], []
    for name, runs in benchmark.runs.items():
        task, levels = runs[0].key.task, levels_of(runs[0].key.task)
        used += [level.source for level in levels]
        own = {row.learner: row for row in benchmark.rows if row.task == name}
        others = "; ".join(f"{level.words} ({level.source})" for level in levels)
        finals = [final(own[policy]) if policy in own else "–" for policy in POLICIES]
        lines.append([f"`{task}`", millions(runs[0].key.env_steps), *finals, others or "–"])
    sources = [f"- *{key}*: {words}." for key, words in SOURCES.items() if key in used]
    return "\n".join([_table(("task", "environment steps", *POLICIES, "others"), lines), "", *sources])


def final(row: Row) -> str:
    """The mean final return of a row, with what it is a mean of."""
    seeds = f"{row.seeds} seed{'s' if row.seeds > 1 else ''}"
    partial = "" if row.finished else ", none finished"
    return f"{spread(row.final_mean, row.final_std, RETURNS.values_form)} ({seeds}{partial})"


def details(benchmark: Benchmark) -> str:
    """A table a section."""
    parts = []
    for name, runs in benchmark.runs.items():
        rows = [row for row in benchmark.rows if row.task == name]
        lines = [_line(row, [run for run in runs if run.key.policy == row.learner]) for row in rows]
        parts += [f"### {name}", _table(_HEADINGS, lines)]
    return "\n\n".join(parts)


def draw(benchmark: Benchmark, images: Path) -> dict[str, str]:
    """Draw the curves to files in `images`; marker → the lines that show them."""
    lines = {picture.marker: "" for picture in PICTURES.values()}
    for stem, picture in PICTURES.items():
        results = [result for result in benchmark.results if result.place.learner in picture.learners]
        if names := [name for name in benchmark.runs if _has_panel(picture, benchmark.runs[name])]:
            comparison = benchmark.comparison._replace(learners=picture.learners)
            figure = draw_panels(comparison, results, names, MEAN)
            for axes in figure.axes:
                title = axes.get_title().rpartition("/")[2].removesuffix(" environment steps")
                axes.set_title(title, fontsize="medium")
            (path,) = save(figure, images / f"{stem}.png")
            line = f"![Returns against environment steps: {figure.get_suptitle()}](images/{path.name})"
            lines[picture.marker] += f"\n\n{line}" if lines[picture.marker] else line
    return lines


def _has_panel(picture: Picture, runs: Sequence[Recorded]) -> bool:
    there = {run.key.policy for run in runs}.intersection(picture.learners)
    if picture.shown is None:
        return not there <= {picture.learners[0]}
    return bool(there) and picture.shown(runs[0].key.task)


def _line(row: Row, group: Sequence[Recorded]) -> list[str]:
    form = RETURNS.values_form
    counted = [run for run in group if run.finished] or group
    left = [run for run in group if run not in counted]
    so_far = ", ".join(millions(run.taken) for run in counted)
    told = f"{row.finished} of {len(group)}"
    if left:
        told += f" (not counted: {', '.join(f'seed {run.key.seed} at {millions(run.taken)}' for run in left)})"
    return [
        f"`{row.learner}`",
        millions(group[0].key.env_steps) if row.finished else f"partial: {so_far}",
        told,
        f"{row.parameters}",
        ", ".join(form(run.final) for run in counted),
        spread(row.final_mean, row.final_std, form),
        within(row.final_iqm, row.final_iqm_low, row.final_iqm_high, form),
        spread(row.best_mean, row.best_std, form),
        f"{np.mean([run.hours for run in counted]):.2f}",
        "; ".join(dict.fromkeys(machine for run in counted for machine in run.machine.split("; "))),
    ]


def _result(place: Place, run: Recorded) -> Result:
    steps, returns = np.array(run.evaluations).T
    return Result(place, Run({}, steps, returns), run.finished, run.parameters, None, None, {}, 0)


def _table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [headings, ["---"] + ["---:"] * (len(headings) - 1), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
