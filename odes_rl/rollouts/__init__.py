"""Rollouts: environments stepped through episodes by interchangeable backends. Free of JAX."""

import os

from odes_rl.rollouts.base import EpisodeSettings, RolloutBackend


def make_backend(name: str, settings: EpisodeSettings, workers: int | None = None, lanes: int = 1) -> RolloutBackend:
    """The backend called `name`; `auto` is `processes`, or `serial` for one worker: both give the same bits.

    `workers` defaults to the number of cores that this process may use.
    """
    # Here, since a worker imports this package and needs neither.
    from odes_rl.rollouts.processes import ProcessesBackend
    from odes_rl.rollouts.serial import SerialBackend

    count = workers or available_cores()
    if name == "serial" or (name == "auto" and count == 1):
        return SerialBackend(settings, lanes)
    assert name in ("auto", "processes"), name
    return ProcessesBackend(settings, count, lanes)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
