"""Whether a run is stuck: evaluations without an improvement, and what the candidates' returns say of it."""

import logging
import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from odes_rl.config.schema import ExperimentConfig
from odes_rl.runs.metrics import Metrics, plain_metrics

_SHARE = "evaluation_signal_share"
_NOISE = 0.5
"""Share of the signal below which candidates' returns are called noise: the episodes' luck outweighs it."""
_log = logging.getLogger(__name__)


class Standstill:
    """Counts the evaluations of a run since the last improvement, and warns once if they are many.

    An evaluation improves if its score is above that of the last one that did by more than the standard error of its
    mean. Without that margin, noise sets records for ever.
    """

    def __init__(self, config: ExperimentConfig, lines: Iterable[Metrics]) -> None:
        """For a run whose metrics so far are `lines`."""
        self.config = config
        self.best, self.generation, self.since = -math.inf, 0, 0
        self.shares: deque[float] = deque(maxlen=config.run.stuck_evaluations)
        for line in lines:
            self._count(line)
        self.told = self._is_stuck()

    def noted(self, line: Mapping[str, Any]) -> Metrics:
        """What the evaluation in `line` adds to its metrics; nothing if there is none. Warns if the run is stuck."""
        line = plain_metrics(line)
        if "evaluation_score" not in line:
            return {}
        whole = self._has_whole_episodes(line)
        share = signal_share(line, self.config.strategy.episodes, self._evaluated(line)) if whole else None
        added = {} if share is None else {_SHARE: share}
        self._count(line | added)
        if self._is_stuck() and not self.told:
            self.told = True
            self._warn()
        return {"evaluations_since_improvement": self.since} | added

    def _count(self, line: Metrics) -> None:
        if "evaluation_score" not in line:
            return
        score, deviation = line["evaluation_score"], line["evaluation_return_std"] or 0.0
        margin = deviation / math.sqrt(max(self._evaluated(line) - 1, 1))
        if score is not None and score > self.best + margin:
            self.best, self.generation, self.since = score, line["generation"], 0
        else:
            self.since += 1
        if _SHARE in line:
            self.shares.append(line[_SHARE])

    def _evaluated(self, line: Metrics) -> int:
        """Episodes of that evaluation that its deviation is of."""
        return self.config.run.evaluation_episodes - line.get("evaluation_failed", 0)

    def _has_whole_episodes(self, line: Metrics) -> bool:
        """Whether the episodes of that generation had the length of those of its evaluation."""
        strategy = self.config.strategy
        if strategy.horizon != "growing":
            return strategy.horizon is None
        return strategy.horizon_part(self.config.run.progress(line["generation"], line["env_steps"])) == 1

    def _is_stuck(self) -> bool:
        limit = self.config.run.stuck_evaluations
        return limit is not None and self.since >= limit

    def _warn(self) -> None:
        noise = len(self.shares) > 0 and float(np.median(self.shares)) < _NOISE
        _log.warning(
            "the run is stuck, or has learnt what it can: %d evaluations did not improve on generation %d's, %.4g%s",
            *(self.since, self.generation, self.best),
            "; the returns of candidates differ by little more than those of one policy's episodes do" if noise else "",
        )


def signal_share(line: Mapping[str, Any], episodes: int, evaluated: int) -> float | None:
    """Share of the variance of the candidates' returns that is not that of one policy's episodes, from 0 to 1.

    `episodes` are those of a candidate, `evaluated` those of the evaluation. Near 0, the update follows the luck of the
    episodes. None if `line` lacks one of the deviations, or they are of different starts.
    """
    spread, luck = line.get("return_std"), line.get("evaluation_return_std")
    if spread is None or luck is None or line.get("start") != line.get("evaluation_start"):
        return None
    variance = luck**2 * evaluated / (evaluated - 1)
    return max(0.0, 1.0 - variance / episodes / spread**2) if spread > 0 else 0.0
