"""How a training run shows itself: a bar on a terminal, now and then a line elsewhere. Free of JAX."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Report = Callable[[Mapping[str, Any]], None]
"""Receives each generation's line of metrics."""


class _Course(NamedTuple):
    """What counts towards the end of a run: its name in the metrics, in words, and how much of it is the end."""

    metric: str
    words: str
    total: int


@contextmanager
def show_progress(
    generations: int | None,
    console: Console | None = None,
    seconds_between_lines: float = 10.0,
    *,
    env_steps: int | None = None,
) -> Iterator[Report]:
    """A function to call with each generation's metrics, of a run that goes on to `generations`, or to `env_steps`.

    Shows how far it is, return, environment steps a second and time left.
    """
    console = console or Console()
    if env_steps is not None:
        course = _Course("env_steps", "environment step", env_steps)
    else:
        assert generations is not None, "a run has an end"
        course = _Course("generation", "generation", generations)
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


def summary(metrics: Mapping[str, Any], evaluation: float | None) -> str:
    """Returns and speed in a few words; `evaluation` is the last evaluation's return."""
    parts = []
    if metrics.get("return_mean") is not None:
        parts.append(f"return {metrics['return_mean']:.1f}")
    if evaluation is not None:
        parts.append(f"evaluation {evaluation:.1f}")
    if metrics.get("env_steps_per_second") is not None:
        parts.append(f"{metrics['env_steps_per_second']:,.0f} steps/s")
    return ", ".join(parts)


def _bar_report(course: _Course, progress: Progress) -> Report:
    evaluation: float | None = None

    def report(metrics: Mapping[str, Any]) -> None:
        nonlocal evaluation
        evaluation = metrics.get("evaluation_return_mean", evaluation)
        done = min(metrics[course.metric], course.total)
        if not progress.tasks:  # a resumed run begins in the middle, which must not count as speed
            progress.add_task("", total=course.total, completed=done, summary="")
        progress.update(progress.task_ids[0], completed=done, summary=summary(metrics, evaluation))

    return report


def _line_report(course: _Course, console: Console, seconds_between: float) -> Report:
    evaluation: float | None = None
    first: tuple[int, float] | None = None
    last_shown = float("-inf")

    def report(metrics: Mapping[str, Any]) -> None:
        nonlocal evaluation, first, last_shown
        evaluation = metrics.get("evaluation_return_mean", evaluation)
        done, now = metrics[course.metric], time.monotonic()
        first = first or (done, now)
        if now - last_shown < seconds_between and done < course.total:
            return
        last_shown = now
        parts = [f"{course.words} {done}/{course.total}", summary(metrics, evaluation)]
        parts += _left(course.total, done, first)
        console.print(", ".join(parts), highlight=False, soft_wrap=True)

    return report


def _left(total: int, done: int, first: tuple[int, float]) -> list[str]:
    since = done - first[0]
    if not since or done >= total:
        return []
    seconds = (time.monotonic() - first[1]) / since * (total - done)
    return [f"{timedelta(seconds=round(seconds))} left"]
