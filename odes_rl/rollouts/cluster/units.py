"""Units of work that wait for an actor, and how many to hand out at once. Free of JAX."""

import math
from collections import deque

import numpy as np

_HANDLING_SECONDS = 1e-3
"""Seconds of the trainer to send a batch and receive its results, measured by `scripts/benchmarks/cluster.py`."""


def batch_size(left: int, total: int, actors: int, unit_seconds: float) -> int:
    """How many units of about `unit_seconds` each an actor, one of `actors`, should get; `left` of `total` remain.

    Guided self-scheduling (Polychronopoulos & Kuck 1987): half of an even share of what is left, so that batches
    shrink and nobody is long at work when the others have finished. The trainer serves one actor after another:
    batches that an actor is done with before its next turn would leave it waiting, and are made longer, up to an even
    share of all.
    """
    guided = left // (2 * actors)
    a_turn = math.ceil(actors * _HANDLING_SECONDS / unit_seconds) if unit_seconds else 1
    return max(1, guided, min(a_turn, total // actors))


class UnitQueue:
    """Units 0 … count - 1 in turn; those whose actor died come first, one at a time: one of them may be why."""

    def __init__(self, count: int) -> None:
        self._fresh = deque(range(count))
        self._returned: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._fresh) + len(self._returned)

    def take(self, size: int) -> np.ndarray:
        """[k] int64: the next units, `size` at most."""
        if self._returned:
            return np.array([self._returned.popleft()])
        return np.array([self._fresh.popleft() for _ in range(min(size, len(self._fresh)))], np.int64)

    def give_back(self, units: np.ndarray) -> None:
        """Have `units`, which nobody finished, handed out again."""
        self._returned.extend(int(unit) for unit in units)
