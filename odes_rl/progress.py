"""How a training run shows itself: a bar on a terminal, now and then a line elsewhere. Free of JAX."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Report = Callable[[Mapping[str, Any]], None]
"""Receives each generation's line of metrics."""


@contextmanager
def show_progress(
    generations: int, console: Console | None = None, seconds_between_lines: float = 10.0
) -> Iterator[Report]:
    """A function to call with each generation's metrics, of a run that goes on to `generations`.

    Shows generation, return, environment steps a second and time left.
    """
    console = console or Console()
    if not console.is_terminal:
        yield _line_report(generations, console, seconds_between_lines)
        return
    columns = [
        TextColumn("generation"),
        MofNCompleteColumn(),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[summary]}"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=console) as progress:
        yield _bar_report(generations, progress)


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


def _bar_report(generations: int, progress: Progress) -> Report:
    evaluation: float | None = None

    def report(metrics: Mapping[str, Any]) -> None:
        nonlocal evaluation
        evaluation = metrics.get("evaluation_return_mean", evaluation)
        generation = metrics["generation"]
        if not progress.tasks:  # a resumed run begins in the middle, which must not count as speed
            progress.add_task("", total=generations, completed=generation, summary="")
        progress.update(progress.task_ids[0], completed=generation, summary=summary(metrics, evaluation))

    return report


def _line_report(generations: int, console: Console, seconds_between: float) -> Report:
    evaluation: float | None = None
    first: tuple[int, float] | None = None
    last_shown = float("-inf")

    def report(metrics: Mapping[str, Any]) -> None:
        nonlocal evaluation, first, last_shown
        evaluation = metrics.get("evaluation_return_mean", evaluation)
        generation, now = metrics["generation"], time.monotonic()
        first = first or (generation, now)
        if now - last_shown < seconds_between and generation < generations:
            return
        last_shown = now
        parts = [f"generation {generation}/{generations}", summary(metrics, evaluation)]
        parts += _left(generations, generation, first)
        console.print(", ".join(parts), highlight=False, soft_wrap=True)

    return report


def _left(generations: int, generation: int, first: tuple[int, float]) -> list[str]:
    done = generation - first[0]
    if not done or generation >= generations:
        return []
    seconds = (time.monotonic() - first[1]) / done * (generations - generation)
    return [f"{timedelta(seconds=round(seconds))} left"]
