"""Statistics over a few seeds: interquartile means, bootstrap intervals, probabilities of improvement. Free of JAX.

After Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice".
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

_RESAMPLES = 2000
_CUT = 0.25
"""Of the seeds, what is left out at either end, rounded down: nothing of three, one of four."""


class Interval(NamedTuple):
    """A bootstrap interval of 95 %: its ends, arrays [n] or numbers."""

    low: np.ndarray
    high: np.ndarray


def deviation(values: np.ndarray) -> float | None:
    """Sample standard deviation of `values` [S]; None for one seed."""
    return float(values.std(ddof=1)) if len(values) > 1 else None


def interquartile_mean(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """[n] mean of the middle half of the S seeds in `values` [S, n], or along another `axis`."""
    return stats.trim_mean(values, _CUT, axis=axis)


def interquartile_interval(values: np.ndarray) -> Interval | None:
    """The interval of the interquartile mean of `values` [S, n], seeds drawn with replacement; None for one seed."""
    if len(values) < 2:
        return None
    return _bootstrap((values,), interquartile_mean, vectorized=True)


def improvement(values: np.ndarray, baseline: np.ndarray) -> float | None:
    """Probability that a seed of `values` [S] returns more than one of `baseline` [R]; ties count half.

    None if either has one seed: which of two numbers is larger is no probability.
    """
    return _share_above(values, baseline) if min(len(values), len(baseline)) > 1 else None


def improvement_interval(values: np.ndarray, baseline: np.ndarray) -> Interval | None:
    """The interval of `improvement`; None if either has one seed."""
    if min(len(values), len(baseline)) < 2:
        return None
    return _bootstrap((values, baseline), _share_above, vectorized=False)


def _share_above(values: np.ndarray, baseline: np.ndarray) -> float:
    difference = np.subtract.outer(values, baseline)
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def area(steps: np.ndarray, returns: np.ndarray, end: float) -> float:
    """Area under the curve of `returns` [n] at `steps` [n] from the first step to `end`, divided by that width."""
    end = min(end, float(steps[-1]))
    inside = steps < end
    x, y = np.append(steps[inside], end), np.append(returns[inside], np.interp(end, steps, returns))
    return float(np.trapezoid(y, x) / (x[-1] - x[0])) if x[-1] > x[0] else float(y[-1])


def steps_to(steps: np.ndarray, returns: np.ndarray, threshold: float | None) -> float | None:
    """The first of `steps` [n] whose return is no less than `threshold`; None if there is none."""
    reached = np.flatnonzero(returns >= threshold) if threshold is not None else np.array([], int)
    return float(steps[reached[0]]) if reached.size else None


def _bootstrap(data: tuple[np.ndarray, ...], statistic: object, *, vectorized: bool) -> Interval:
    # Percentiles: the corrected intervals are undefined where all seeds say the same. One seed, so that a report
    # written twice is the same twice.
    result = stats.bootstrap(
        data,
        statistic,
        n_resamples=_RESAMPLES,
        axis=0,
        vectorized=vectorized,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return Interval(result.confidence_interval.low, result.confidence_interval.high)
