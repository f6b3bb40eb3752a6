"""Progress display of a run: a bar on a terminal, otherwise a line every few seconds. Free of JAX."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

Report = Callable[[Mapping[str, Any]], None]
"""Receives each line of metrics, of a generation or an epoch."""


class Limit(NamedTuple):
    """A limit on the length of a run.

    Attributes:
        metric: name of the metric.
        words: name in the display.
        total: value at which the run ends.
    """

    metric: str
    words: str
    total: int

    def done(self, metrics: Mapping[str, Any]) -> int:
        """The value reached so far, at most `total`."""
        return min(metrics[self.metric], self.total)


class Course(NamedTuple):
    """The limits of a run, and the metrics to display.

    Attributes:
        counter: the metric that counts generations or epochs; 0 is before the first.
        limits: the run ends at whichever is reached first.
        summary: text for the newest value of each metric.
    """

    counter: str
    limits: tuple[Limit, ...]
    summary: Callable[[Mapping[str, Any]], str]

    def nearest(self, metrics: Mapping[str, Any]) -> Limit:
        """The limit that is closest to being reached, relative to its total."""
        return max(self.limits, key=lambda limit: limit.done(metrics) / limit.total)


def training_course(generations: int | None, env_steps: int | None = None) -> Course:
    """The course of a training run that ends at `env_steps` or `generations`."""
    limits = [Limit("env_steps", "environment step", env_steps)] if env_steps is not None else []
    limits += [Limit("generation", "generation", generations)] if generations is not None else []
    assert limits, "a run has an end"
    return Course("generation", tuple(limits), training_summary)


def fitting_course(epochs: int) -> Course:
    """The course of a supervised run."""
    return Course("epoch", (Limit("epoch", "epoch", epochs),), fitting_summary)


@contextmanager
def show_progress(
    course: Course, console: Console | None = None, seconds_between_lines: float = 10.0
) -> Iterator[Report]:
    """A function to call with the metrics of each generation or epoch; it displays progress, results and time left."""
    console = console or Console()
    if not console.is_terminal:
        yield _line_report(course, console, seconds_between_lines)
        return
    columns = [
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[summary]}"),
        TextColumn("{task.fields[left]}"),
    ]
    with Progress(*columns, console=console) as progress:
        yield _bar_report(course, progress)


def training_summary(metrics: Mapping[str, Any]) -> str:
    """Returns and speed in a few words."""
    return _told(
        metrics,
        return_mean="return {:.1f}",
        evaluation_start="best start {}",
        evaluation_return_mean="evaluation {:.1f}",
        evaluation_failed="{} of its episodes failed",
        env_steps_per_second="{:,.0f} steps/s",
    )


def fitting_summary(metrics: Mapping[str, Any]) -> str:
    """Loss, what was evaluated and speed in a few words."""
    return _told(
        metrics,
        train_loss="loss {:.4f}",
        test_accuracy="test accuracy {:.2%}",
        test_negative_elbo="test negative ELBO {:.4g}",
        examples_per_second="{:,.0f} examples/s",
    )


def _told(metrics: Mapping[str, Any], **words: str) -> str:
    """The metrics as text; a count of failures is left out if it is 0."""
    told = {name: metrics.get(name) for name in words}
    return ", ".join(
        text.format(told[name])
        for name, text in words.items()
        if told[name] is not None and not (name.endswith("_failed") and not told[name])
    )


def _bar_report(course: Course, progress: Progress) -> Report:
    newest: dict[str, Any] = {}
    clock = _Clock(course)

    def report(metrics: Mapping[str, Any]) -> None:
        newest.update(_known(metrics))
        limit = course.nearest(metrics)
        if not progress.tasks:
            progress.add_task("", summary="", left="")
        progress.update(
            progress.task_ids[0],
            description=limit.words,
            total=limit.total,
            completed=limit.done(metrics),
            summary=course.summary(newest),
            left=clock.left(metrics),
        )

    return report


def _line_report(course: Course, console: Console, seconds_between: float) -> Report:
    newest: dict[str, Any] = {}
    clock = _Clock(course)
    last_shown = float("-inf")

    def report(metrics: Mapping[str, Any]) -> None:
        nonlocal last_shown
        newest.update(_known(metrics))
        limit, left, now = course.nearest(metrics), clock.left(metrics), time.monotonic()
        if now - last_shown < seconds_between and limit.done(metrics) < limit.total:
            return
        last_shown = now
        parts = [f"{limit.words} {_counted(metrics[limit.metric])}/{limit.total}", course.summary(newest), left]
        console.print(", ".join(filter(None, parts)), highlight=False, soft_wrap=True)

    return report


def _counted(value: float) -> str:
    """A whole number as it is; of an unfinished epoch, with its fraction."""
    return f"{value}" if isinstance(value, int) else f"{value:.2f}"


def _known(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if value is not None}


class _Clock:
    """Estimates the time left from the speed since the end of the first generation or epoch of this process.

    The first one includes the start of workers and compilation, so it is not representative.
    """

    def __init__(self, course: Course) -> None:
        self.course = course
        self._first: tuple[Mapping[str, Any], float] | None = None

    def left(self, metrics: Mapping[str, Any]) -> str:
        """The time left, in words; empty before it is known, and at the end."""
        if not metrics[self.course.counter]:
            return ""
        now = time.monotonic()
        self._first = self._first or (metrics, now)
        before, then = self._first
        limit = self.course.nearest(metrics)
        since, to_do = metrics[limit.metric] - before[limit.metric], limit.total - limit.done(metrics)
        return f"{timedelta(seconds=round((now - then) / since * to_do))} left" if since and to_do else ""
