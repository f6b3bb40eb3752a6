"""The numbers of a comparison: a row for each task and policy, or model. Free of JAX."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from odes_rl.reports.comparison import Comparison, Result, diverged, results_of
from odes_rl.reports.statistics import (
    Interval,
    area,
    deviation,
    improvement,
    improvement_interval,
    interquartile_interval,
    interquartile_mean,
    steps_to,
)


class Row(NamedTuple):
    """Statistics of a policy or model on a task, over its finished seeds, or over all while none is finished.

    Attributes:
        task: label.
        learner: label of the policy or model.
        parameters: of it.
        activation_bytes: temporary memory of its training, for supervised models.
        seeds: counted here.
        finished: of them.
        planned: in the comparison.
        best_mean: mean over seeds of the best evaluation.
        best_std: sample standard deviation of it.
        final_mean: mean over seeds of the last evaluation.
        final_std: sample standard deviation of it.
        final_iqm: interquartile mean of the last evaluations; of one seed there is none.
        final_iqm_low: lower end of its bootstrap interval of 95 %.
        final_iqm_high: upper end.
        area_mean: mean over seeds of the area under the curve, divided by its width, up to where all of the task reach.
        area_std: sample standard deviation of it.
        threshold: the return worth reaching.
        reached: seeds with an evaluation that did.
        steps_to_threshold: median over those of the environment steps it took.
        improvement: probability that a seed's last evaluation is better than one of the baseline's; none if either
            has one seed, or none that is finished, or one that diverged.
        improvement_low: lower end of its bootstrap interval of 95 %.
        improvement_high: upper end.
        speed: environment steps or examples a second: median over generations or epochs, mean over seeds.
    """

    task: str
    learner: str
    parameters: int | None
    activation_bytes: int | None
    seeds: int
    finished: int
    planned: int
    best_mean: float
    best_std: float | None
    final_mean: float
    final_std: float | None
    final_iqm: float | None
    final_iqm_low: float | None
    final_iqm_high: float | None
    area_mean: float
    area_std: float | None
    threshold: float | None
    reached: int
    steps_to_threshold: float | None
    improvement: float | None
    improvement_low: float | None
    improvement_high: float | None
    speed: float | None


def make_rows(comparison: Comparison, results: Sequence[Result]) -> list[Row]:
    """A row for each task and learner with results, in the comparison's order."""
    rows = []
    for task in comparison.thresholds:
        groups = {learner: results_of(results, task, learner) for learner in comparison.learners}
        ends = [result.run.steps[-1] for group in groups.values() for result in group]
        baseline = groups[comparison.baseline]
        lost = {place.learner for place in diverged(comparison, results) if place.task == task}
        for learner, group in groups.items():
            if group:
                rival = [] if {learner, comparison.baseline} & lost else baseline
                rows.append(_row(comparison, task, learner, group, min(ends), rival))
    return rows


def _row(
    comparison: Comparison, task: str, learner: str, group: Sequence[Result], end: float, baseline: Sequence[Result]
) -> Row:
    threshold, sign = comparison.thresholds[task], comparison.measure.sign
    runs = [result.run for result in group]
    finals = _finals(group)
    goal = None if threshold is None else sign * threshold
    reached = [s for run in runs if (s := steps_to(run.steps, sign * run.returns, goal)) is not None]
    speeds = [result.speed for result in group if result.speed is not None]
    iqm_ends = interquartile_interval(finals[:, None])
    iqm = float(interquartile_mean(finals[:, None])[0]) if iqm_ends else None
    against = learner != comparison.baseline and all(result.finished for result in [*group, *baseline])
    others = _finals(baseline) if against else np.empty(0)
    better = improvement(sign * finals, sign * others)
    return Row(
        task=task,
        learner=learner,
        parameters=next((result.parameters for result in group if result.parameters is not None), None),
        activation_bytes=next((r.activation_bytes for r in group if r.activation_bytes is not None), None),
        seeds=len(group),
        finished=sum(result.finished for result in group),
        planned=sum((place.task, place.learner) == (task, learner) for place in comparison.places),
        **_moments("best", np.array([sign * (sign * run.returns).max() for run in runs])),
        **_moments("final", finals),
        **_estimate("final_iqm", iqm, iqm_ends),
        **_moments("area", np.array([area(run.steps, run.returns, end) for run in runs])),
        threshold=threshold,
        reached=len(reached),
        steps_to_threshold=float(np.median(reached)) if reached else None,
        **_estimate("improvement", better, improvement_interval(sign * finals, sign * others)),
        speed=float(np.mean(speeds)) if speeds else None,
    )


def _finals(group: Sequence[Result]) -> np.ndarray:
    return np.array([result.run.returns[-1] for result in group])


def _moments(name: str, values: np.ndarray) -> dict[str, Any]:
    """The fields for the mean and the deviation of `values`."""
    return {f"{name}_mean": float(values.mean()), f"{name}_std": deviation(values)}


def _estimate(name: str, value: float | None, interval: Interval | None) -> dict[str, Any]:
    """The fields for a `value` and the ends of its interval."""
    low, high = (None, None) if interval is None else (float(np.ravel(end)[0]) for end in interval)
    return {name: value, f"{name}_low": low, f"{name}_high": high}
