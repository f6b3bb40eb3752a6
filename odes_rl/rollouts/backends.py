"""Rollout backends by name. Free of JAX: each imports what only it needs when it is made."""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from odes_rl.extras import require
from odes_rl.parts import Registry
from odes_rl.rollouts.inference import Actor
from odes_rl.rollouts.protocol import EpisodeSettings, RolloutBackend
from odes_rl.rollouts.setup import Setup


class Choice(NamedTuple):
    """The resolved settings of a backend.

    Attributes:
        backend: its name, which is not `auto`.
        workers: processes, actors of `ray`, or threads of `envpool`; None for as many as the cluster has CPUs. `mjx`
            has one, this process.
        lanes: environments that each steps in turn; of `mjx`, those that a device steps at once, at most, or None for
            as many as fit into its memory.
        inference: who computes actions, "workers" or "device".
        deadline: seconds without an environment step after which a worker counts as hung; None for no limit.
        address: of the Ray cluster, see `RolloutsConfig`.
    """

    backend: str
    workers: int | None
    lanes: int | None
    inference: str = "workers"
    deadline: float | None = None
    address: str | None = None

    def __str__(self) -> str:
        if self.backend == "mjx":
            most = "as many environments" if self.lanes is None else f"at most {self.lanes} environments"
            return f"mjx, {most} at once on a device{' as fit into its memory' if self.lanes is None else ''}"
        if self.workers is None:
            return f"{self.backend}, one worker for each CPU of the cluster"
        kind = "thread" if self.backend == "envpool" else "worker"
        device = f", {self.lanes} lanes each, actions on the device" if self.inference == "device" else ""
        return f"{self.backend}, {self.workers} {kind}{'s' if self.workers > 1 else ''}{device}"


class BackendFamily(NamedTuple):
    """One entry of the registry.

    Attributes:
        make: `make(choice, settings, actor) -> backend`; `actor` acts where inference is on the device, and is None
            elsewhere. It raises UserError if a package that it needs is missing.
        about: one sentence for `odes-rl list backends`.
        check: `check(task id, setup)`, called before anything starts: raises UserError if the backend cannot run the
            task, with what `setup` makes it.
    """

    make: Callable[[Choice, EpisodeSettings, Actor | None], RolloutBackend]
    about: str = ""
    check: Callable[[str, Setup], None] = lambda task, setup: None


def automatic(workers: int | None, inference: str) -> str:
    """The backend that `auto` selects: the fastest reproducible one."""
    return "serial" if workers == 1 and inference == "workers" else "processes"


def _auto(choice: Choice, settings: EpisodeSettings, actor: Actor | None) -> RolloutBackend:
    return BACKENDS[automatic(choice.workers, choice.inference)].make(choice, settings, actor)


def _serial(choice: Choice, settings: EpisodeSettings, actor: Actor | None) -> RolloutBackend:
    from odes_rl.rollouts.serial import SerialBackend

    return SerialBackend(settings, choice.lanes or 1)


def _processes(choice: Choice, settings: EpisodeSettings, actor: Actor | None) -> RolloutBackend:
    from odes_rl.rollouts.processes import ProcessesBackend

    assert choice.workers is not None
    return ProcessesBackend(settings, choice.workers, choice.lanes or 1, choice.deadline, actor)


def _ray(choice: Choice, settings: EpisodeSettings, actor: Actor | None) -> RolloutBackend:
    from odes_rl.rollouts.cluster.backend import RayBackend

    return RayBackend(settings, choice.workers, choice.lanes or 1, choice.address)


def _envpool(choice: Choice, settings: EpisodeSettings, actor: Actor | None) -> RolloutBackend:
    from odes_rl.rollouts.envpool import EnvPoolBackend

    assert choice.workers is not None
    return EnvPoolBackend(settings, choice.workers, choice.lanes or 1)


def _mjx(choice: Choice, settings: EpisodeSettings, actor: Actor | None) -> RolloutBackend:
    return _simulation().make_backend(settings, choice.lanes)


def _simulation() -> ModuleType:
    """What makes the backend in the room above, which has JAX, as no worker may: it is imported by its name."""
    require("rollouts.backend: mjx", "mujoco.mjx")
    return import_module("odes_rl.simulation.making")


def _check_processes(task: str, setup: Setup) -> None:
    from odes_rl.rollouts.registration import check_importable_elsewhere, check_known_elsewhere

    check_known_elsewhere(task)
    check_importable_elsewhere(setup)


def _check_ray(task: str, setup: Setup) -> None:
    from odes_rl.rollouts.cluster.session import import_ray

    _check_processes(task, setup)
    import_ray()


def _check_envpool(task: str, setup: Setup) -> None:
    from odes_rl.rollouts.envpool_tasks import check_envpool_actions, check_envpool_setup, check_envpool_task

    check_envpool_setup(setup)
    check_envpool_task(task)
    check_envpool_actions(task)


def _check_mjx(task: str, setup: Setup) -> None:
    _simulation().check(task, setup)


BACKENDS = Registry(
    "backend",
    "backends",
    BackendFamily,
    {
        "auto": BackendFamily(_auto, "The fastest reproducible backend on this machine."),
        "serial": BackendFamily(_serial, "Episodes run in this process."),
        "processes": BackendFamily(_processes, "Worker processes; bit-identical to serial.", _check_processes),
        "ray": BackendFamily(_ray, "A Ray cluster; bit-identical to serial.", _check_ray),
        "envpool": BackendFamily(_envpool, "C++ threads; results are not reproducible.", _check_envpool),
        "mjx": BackendFamily(_mjx, "Physics on a GPU or TPU; returns are distributed as on the CPU.", _check_mjx),
    },
)
"""All backends by name."""
