"""Warnings about a task, given once in a run, for settings that are allowed but seldom intended. Free of JAX."""

import logging
import sys
from collections.abc import Sequence

import gymnasium
import numpy as np

from odes_rl.rollouts.environments import Task, close_all, make_environment
from odes_rl.rollouts.protocol import Moments, Rollouts
from odes_rl.rollouts.setup import Setup

_log = logging.getLogger(__name__)


def warn_if_endless(name: str, task: Task) -> None:
    """Warn if nothing that is known ends an episode of the task of that name."""
    if task.limit is None:
        _log.warning(
            "task.id: %s sets no limit on the length of an episode, so an episode may never end; set one: "
            "--task.max-steps 1000",
            name,
        )


def warn_of_own_step(name: str, setup: Setup, max_steps: int | None) -> None:
    """Warn if something in `setup` keeps the task of that name from native stepping, which it has otherwise."""
    if setup.is_plain:
        return
    environment = make_environment(name, max_steps, setup)
    found = _obstacle(environment, setup)
    close_all([environment], logging.DEBUG)
    if found:
        _log.warning("%s: the environment's own step is used, which is slower than native stepping: %s", name, found)


def _obstacle(environment: gymnasium.Env, setup: Setup) -> str | None:
    if "mujoco" not in sys.modules:  # there is no native stepping of other physics
        return None
    from odes_rl.rollouts.native.finding import obstacle

    return obstacle(environment, setup)


def warn_of_chance(name: str, first: Rollouts, again: Rollouts) -> None:
    """Warn if the first episode has another return in `again`, with the same policy and seed."""
    before, after = float(first.returns[0, 0]), float(again.returns[0, 0])
    if not np.array_equal(before, after, equal_nan=True):
        _log.warning(
            "task.id: %s does not repeat an episode with the same seed (return %.6g, then %.6g), so that runs cannot "
            "be repeated either; call super().reset(seed=seed) in reset, and draw random numbers from self.np_random",
            *(name, before, after),
        )


def warn_of_constants(name: str, seen: Moments) -> None:
    """Warn of entries that did not vary in what was `seen` to the end of the run's first generation."""
    constant = np.flatnonzero(np.isinf(seen.standard_deviation()))
    if constant.size:
        _log.warning(
            "%s: of the %d entries of an observation, %s did not vary in the first generation; the policy sees them "
            "as 0",
            *(name, seen.mean.size, ranges(constant.tolist())),
        )


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers in words, as `0, 3-5`."""
    known = set(numbers)
    starts = [n for n in numbers if n - 1 not in known]
    ends = [n for n in numbers if n + 1 not in known]
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))
