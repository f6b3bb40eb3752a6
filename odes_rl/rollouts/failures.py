"""Generations in which every candidate failed. Free of JAX."""

import logging
import math
from collections.abc import Mapping
from typing import Any

from odes_rl.rollouts.protocol import EnvironmentFailure

CAUSES = "a return or an action that is not finite, or diverged physics"
_log = logging.getLogger(__name__)


class FutileGenerations:
    """Counts generations of a run in which every candidate failed; after `limit` of them in a row the run is over."""

    def __init__(self, task: str, limit: int | None) -> None:
        self.task = task
        self.limit = limit
        self.in_a_row = self.told = 0
        self.fruitful = False

    def note(self, metrics: Mapping[str, Any]) -> None:
        """Look at a generation's line of metrics; the first futile one is told of.

        Raises:
            EnvironmentFailure: if it is the last of `limit`.
        """
        if math.isfinite(metrics["return_mean"]):
            self.in_a_row, self.fruitful = 0, True
            return
        self.in_a_row += 1
        if not self.told:
            self.told = 1
            _log.warning(
                "generation %d: every candidate failed on %s (%s), so nothing was learnt from it",
                *(metrics["generation"], self.task, CAUSES),
            )
        if self.in_a_row == self.limit:
            raise self._failure(f"{self.limit} generations in a row", "run.failing_generations sets how many end a run")

    def finish(self) -> None:
        """The run has come to its end.

        Raises:
            EnvironmentFailure: if all of its generations were futile.
        """
        if self.in_a_row and not self.fruitful:
            raise self._failure(f"all {self.in_a_row} generations", "nothing was learnt")

    def _failure(self, which: str, then: str) -> EnvironmentFailure:
        return EnvironmentFailure(f"{self.task}: every candidate failed ({CAUSES}) in {which}; {then}")
