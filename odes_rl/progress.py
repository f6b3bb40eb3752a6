"""How a run shows itself: a bar on a terminal, now and then a line elsewhere. Free of JAX."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Report = Callable[[Mapping[str, Any]], None]
"""Receives each line of metrics, of a generation or an epoch."""


class Course(NamedTuple):
    """What counts towards the end of a run.

    Attributes:
        metric: its name in the metrics.
        words: its name in words.
        total: how much of it is the end.
        summary: what to tell of the newest value of each metric.
    """

    metric: str
    words: str
    total: int
    summary: Callable[[Mapping[str, Any]], str]


def training_course(generations: int | None, env_steps: int | None = None) -> Course:
    """The course of a training run, which goes on to `generations`, or to `env_steps`."""
    if env_steps is not None:
        return Course("env_steps", "environment step", env_steps, training_summary)
    assert generations is not None, "a run has an end"
    return Course("generation", "generation", generations, training_summary)


def fitting_course(epochs: int) -> Course:
    """The course of a supervised run."""
    return Course("epoch", "epoch", epochs, fitting_summary)


@contextmanager
def show_progress(
    course: Course, console: Console | None = None, seconds_between_lines: float = 10.0
) -> Iterator[Report]:
    """A function to call with each line of metrics: it shows how far the run is, what it came to, and the time left."""
    console = console or Console()
    if not console.is_terminal:
        yield _line_report(course, console, seconds_between_lines)
        return
    columns = [
        TextColumn(course.words),
        MofNCompleteColumn(),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[summary]}"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=console) as progress:
        yield _bar_report(course, progress)


def training_summary(metrics: Mapping[str, Any]) -> str:
    """Returns and speed in a few words."""
    return _told(
        metrics,
        return_mean="return {:.1f}",
        evaluation_return_mean="evaluation {:.1f}",
        evaluation_failed="{} of its episodes failed",
        env_steps_per_second="{:,.0f} steps/s",
    )


def fitting_summary(metrics: Mapping[str, Any]) -> str:
    """Loss, accuracy and speed in a few words."""
    return _told(
        metrics,
        train_loss="loss {:.4f}",
        test_accuracy="test accuracy {:.2%}",
        examples_per_second="{:,.0f} examples/s",
    )


def _told(metrics: Mapping[str, Any], **words: str) -> str:
    """Each in its words; a count of failures that is 0 is not worth any."""
    told = {name: metrics.get(name) for name in words}
    return ", ".join(
        text.format(told[name])
        for name, text in words.items()
        if told[name] is not None and not (name.endswith("_failed") and not told[name])
    )


def _bar_report(course: Course, progress: Progress) -> Report:
    newest: dict[str, Any] = {}

    def report(metrics: Mapping[str, Any]) -> None:
        newest.update(_known(metrics))
        done = min(metrics[course.metric], course.total)
        if not progress.tasks:  # a resumed run begins in the middle, which must not count as speed
            progress.add_task("", total=course.total, completed=done, summary="")
        progress.update(progress.task_ids[0], completed=done, summary=course.summary(newest))

    return report


def _line_report(course: Course, console: Console, seconds_between: float) -> Report:
    newest: dict[str, Any] = {}
    first: tuple[int, float] | None = None
    last_shown = float("-inf")

    def report(metrics: Mapping[str, Any]) -> None:
        nonlocal first, last_shown
        newest.update(_known(metrics))
        done, now = metrics[course.metric], time.monotonic()
        first = first or (done, now)
        if now - last_shown < seconds_between and done < course.total:
            return
        last_shown = now
        parts = [f"{course.words} {done}/{course.total}", course.summary(newest)]
        parts += _left(course.total, done, first)
        console.print(", ".join(filter(None, parts)), highlight=False, soft_wrap=True)

    return report


def _known(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if value is not None}


def _left(total: int, done: int, first: tuple[int, float]) -> list[str]:
    since = done - first[0]
    if not since or done >= total:
        return []
    seconds = (time.monotonic() - first[1]) / since * (total - done)
    return [f"{timedelta(seconds=round(seconds))} left"]
