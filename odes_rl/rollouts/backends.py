"""Which backend runs the episodes, and the backend itself. Free of JAX."""

import os
from typing import NamedTuple

from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.rollouts.inference import Actor
from odes_rl.rollouts.protocol import EpisodeSettings, RolloutBackend

_MOST_LANES = 256
"""Of a worker, by default: an environment takes some megabytes."""


class Choice(NamedTuple):
    """A backend by its own name, which is not `auto`, and its workers: processes, actors, or threads of `envpool`.

    None: as many actors as the cluster has CPUs, which is known once it is joined.
    """

    backend: str
    workers: int | None
    lanes: int
    inference: str

    def __str__(self) -> str:
        if self.workers is None:
            return f"{self.backend}, a worker for each CPU of the cluster"
        kind = "thread" if self.backend == "envpool" else "worker"
        device = f", actions of {self.lanes} lanes each on the device" if self.inference == "device" else ""
        return f"{self.backend}, {self.workers} {kind}{'s' if self.workers > 1 else ''}{device}"


def choose_backend(config: RolloutsConfig, episodes: int) -> Choice:
    """What `make_backend` makes for generations of so many episodes; for `auto` the fastest that can be reproduced.

    That is `processes`, or `serial` for one worker; both give the same bits.
    """
    name, workers = config.backend, config.workers
    if name != "ray":
        workers = workers or available_cores()
    if name == "auto":
        name = "serial" if workers == 1 and config.inference == "workers" else "processes"
    if name == "serial":
        workers = 1
    lanes = config.lanes or 1
    if config.inference == "device" and config.lanes is None:
        lanes = min(-(-episodes // (workers or 1)), _MOST_LANES)
    return Choice(name, workers, lanes, config.inference)


def check_backend(name: str, task: str) -> None:
    """Check that the backend of that name, not `auto`, can run the task, as far as that is known without starting it.

    Raises:
        UserError: if it needs a package that is missing, or lacks the task, or its workers would.
    """
    if name in ("processes", "ray"):
        from odes_rl.rollouts.registration import check_known_elsewhere

        check_known_elsewhere(task)
    if name == "envpool":
        from odes_rl.rollouts.envpool_tasks import check_envpool_task

        check_envpool_task(task)
    elif name == "ray":
        from odes_rl.rollouts.cluster.session import import_ray

        import_ray()


def make_backend(
    config: RolloutsConfig, settings: EpisodeSettings, episodes: int = 1, actor: Actor | None = None
) -> RolloutBackend:
    """The backend that `choose_backend` names; `actor` acts where the config has inference on the device.

    Raises:
        UserError: if the backend needs a package that is missing, or lacks the task.
    """
    # Each imports what only it needs.
    backend, workers, lanes, _ = choose_backend(config, episodes)
    if backend == "ray":
        from odes_rl.rollouts.cluster.backend import RayBackend

        return RayBackend(settings, workers, lanes, config.address)
    assert workers is not None
    if backend == "serial":
        from odes_rl.rollouts.serial import SerialBackend

        return SerialBackend(settings, lanes)
    if backend == "envpool":
        from odes_rl.rollouts.envpool import EnvPoolBackend

        return EnvPoolBackend(settings, workers, lanes)
    assert backend == "processes", backend
    from odes_rl.rollouts.processes import ProcessesBackend

    return ProcessesBackend(settings, workers, lanes, config.deadline, actor)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
