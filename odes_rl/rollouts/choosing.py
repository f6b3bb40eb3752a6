"""Which backend runs the episodes of a config. Free of JAX."""

import os

from odes_rl.rollouts.backends import BACKENDS, Choice, automatic
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.rollouts.inference import Actor
from odes_rl.rollouts.protocol import EpisodeSettings, RolloutBackend

_MOST_LANES = 256
"""Of a worker, by default: an environment takes some megabytes."""


def choose_backend(config: RolloutsConfig, episodes: int) -> Choice:
    """The backend, workers and lanes for generations of `episodes` episodes.

    `auto` becomes `processes`, or `serial` for one worker; both give the same bits.
    """
    name, workers = config.backend, config.workers
    if name != "ray":
        workers = workers or available_cores()
    if name == "auto":
        name = automatic(workers, config.inference)
    if name in ("serial", "mjx"):
        workers = 1
    lanes = config.lanes or (None if name == "mjx" else 1)
    if config.inference == "device" and config.lanes is None:
        lanes = min(-(-episodes // (workers or 1)), _MOST_LANES)
    return Choice(name, workers, lanes, config.inference, config.deadline, config.address)


def make_backend(
    config: RolloutsConfig, settings: EpisodeSettings, episodes: int = 1, actor: Actor | None = None
) -> RolloutBackend:
    """The backend that `choose_backend` names; `actor` acts where the config has inference on the device.

    Raises:
        UserError: if the backend needs a package that is missing, or lacks the task.
    """
    choice = choose_backend(config, episodes)
    return BACKENDS.find(choice.backend).make(choice, settings, actor)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
