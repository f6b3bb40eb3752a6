"""Metrics of the episodes of a generation or an evaluation. Free of JAX."""

from typing import Any

import numpy as np

from odes_rl.rollouts.protocol import Rollouts

EVALUATION = "evaluation"
"""Beginning of the names of all metrics that only an evaluation gives."""


def evaluation_metrics(rollouts: Rollouts) -> dict[str, Any]:
    """Metrics of the episodes of an evaluation.

    The mean and the deviation are those of the episodes that did not fail. `evaluation_score` decides which policy is
    the best: it counts a failed episode as the worst other one, as training does with candidates. Were failed ones
    left out, a policy would gain by failing where it is bad.
    """
    returns = rollouts.returns[~rollouts.failed]
    failed = int(rollouts.failed.sum())
    if not returns.size:
        returns = np.array([np.nan])
    scored = np.concatenate([returns, np.full(failed, returns.min())])
    return {
        "evaluation_return_mean": returns.mean(),
        "evaluation_return_std": _deviation(returns),
        "evaluation_failed": failed,
        "evaluation_score": scored.mean() if failed else returns.mean(),
        "worker_restarts": rollouts.restarts,
    }


def generation_metrics(rollouts: Rollouts) -> dict[str, Any]:
    """Statistics of a generation's candidates; returns as the task gives them, failed candidates left out."""
    failed = rollouts.failed.any(axis=1)
    returns = rollouts.returns.mean(axis=1)[~failed]
    some = returns if returns.size else np.array([np.nan])
    return {
        "population": len(rollouts.returns),
        "return_mean": some.mean(),
        "return_std": _deviation(some),
        "return_min": some.min(),
        "return_max": some.max(),
        "saturated_fraction": rollouts.saturated.mean(),
        "failed_candidates": int(failed.sum()),
        "worker_restarts": rollouts.restarts,
    }


def _deviation(values: np.ndarray) -> float:
    """The standard deviation of `values`, of whatever shape; NaN of a single one, which has none."""
    return float(values.std()) if values.size > 1 else float("nan")
