"""Generations without an update, as when every candidate failed. Free of JAX."""

import logging
import math
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from odes_rl.rollouts.protocol import EnvironmentFailure

CAUSES = "a return or an action that is not finite, or diverged physics"
_log = logging.getLogger(__name__)


class FutileGenerations:
    """Counts generations of a run in which every candidate failed; after `limit` of them in a row the run is over.

    `earlier` are the metrics of the generations before.
    """

    def __init__(self, task: str, limit: int | None, earlier: Sequence[Mapping[str, Any]] = ()) -> None:
        self.task = task
        self.limit = limit
        means = [line["return_mean"] for line in earlier if "return_mean" in line]
        self.in_a_row = len(list(takewhile(lambda mean: mean is None, reversed(means))))
        self.fruitful = self.in_a_row < len(means)
        self.told = self.told_of_step = False

    def note(self, metrics: Mapping[str, Any]) -> None:
        """Count the generation with these metrics; warn of the first without an update, of either cause.

        Raises:
            EnvironmentFailure: if it is number `limit` in a row, or a later one.
        """
        if math.isfinite(metrics["return_mean"]):
            self.in_a_row, self.fruitful = 0, True
            self._note_step(metrics)
            return
        self.in_a_row += 1
        if not self.told:
            self.told = True
            _log.warning(
                "generation %d: every candidate failed on %s (%s), so there was no update",
                *(metrics["generation"], self.task, CAUSES),
            )
        if self.limit and self.in_a_row >= self.limit:
            raise self._failure(f"{self.in_a_row} generations in a row", "run.failing_generations sets the limit")

    def _note_step(self, metrics: Mapping[str, Any]) -> None:
        if metrics["update_norm"] == 0 != metrics["gradient_norm"] and not self.told_of_step:
            self.told_of_step = True
            _log.warning(
                "generation %d: the step is not finite, so there was no update; see strategy.learning_rate, and "
                "strategy.shaping, whose utilities must be finite where all returns are equal too",
                metrics["generation"],
            )

    def finish(self) -> None:
        """The run has ended.

        Raises:
            EnvironmentFailure: if every candidate failed in all of its generations.
        """
        if self.in_a_row and not self.fruitful:
            raise self._failure(f"all {self.in_a_row} generations", "the policy was never updated")

    def _failure(self, which: str, then: str) -> EnvironmentFailure:
        return EnvironmentFailure(f"{self.task}: every candidate failed ({CAUSES}) in {which}; {then}")
