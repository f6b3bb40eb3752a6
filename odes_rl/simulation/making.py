"""The backend `mjx` for a task, and what keeps a task from it."""

import logging
from typing import NamedTuple

import gymnasium

from odes_rl.devices import platform
from odes_rl.errors import UserError
from odes_rl.rollouts.environments import Task, close_all, describe, make_environment
from odes_rl.rollouts.native.finding import agrees, obstacle
from odes_rl.rollouts.native.mujoco_calls import load_library
from odes_rl.rollouts.physics.description import Physics
from odes_rl.rollouts.physics.finding import describe_physics
from odes_rl.rollouts.protocol import USE_PROCESSES, EnvironmentFailure, EpisodeSettings
from odes_rl.rollouts.setup import Setup
from odes_rl.simulation.backend import DeviceBackend
from odes_rl.simulation.models import declared_edits, edited, put_model
from odes_rl.simulation.simulator import Start

_log = logging.getLogger(__name__)


class Described(NamedTuple):
    """An environment, its sizes and bounds, and the description of its physics."""

    environment: gymnasium.Env
    task: Task
    physics: Physics


def check(task: str, setup: Setup) -> None:
    """Check that the backend can run the task of that name, with what `setup` makes it.

    Raises:
        UserError: if it cannot: a package or an accelerator is missing, MJX or this package lacks the task, or
            something in `setup` does not suit it.
    """
    platform()
    described = describe_task(EpisodeSettings(task, None, "linear", "clip", setup=setup))
    close_all([described.environment])
    put_model(task, edited(described.physics.model), described.physics.description.varied)


def describe_task(settings: EpisodeSettings) -> Described:
    """The environment of a task with its description; it is the caller's to close.

    Raises:
        UserError: if there is no description, or something in the settings is not covered by it.
    """
    name, setup = settings.task, settings.setup
    environment = make_environment(name, settings.max_steps, setup)
    try:
        task = describe(environment)
        if task.choices:
            raise UserError(f"rollouts.backend: mjx has continuous actions only, not those of {name}; {USE_PROCESSES}")
        if found := obstacle(environment, setup):
            raise UserError(f"rollouts.backend: mjx does not take {found} of {name}: leave it out, or {USE_PROCESSES}")
        physics = describe_physics(environment)
        if physics is None:
            raise UserError(
                f"rollouts.backend: mjx has no task {name!r}, but tasks of Gymnasium and DM Control with MuJoCo's "
                f"physics; {USE_PROCESSES}"
            )
        if load_library() and not agrees(environment, physics):
            raise UserError(
                f"rollouts.backend: mjx computes something else than {name} of the versions that are installed; "
                f"{USE_PROCESSES}"
            )
    except UserError:
        close_all([environment], logging.DEBUG)
        raise
    return Described(environment, task, physics)


def make_backend(settings: EpisodeSettings, lanes: int | None) -> DeviceBackend:
    """The backend `mjx` for episodes with those settings, of which a device runs at most `lanes` at once.

    None: as many as fit into its memory.

    Raises:
        UserError: as `check`.
    """
    if platform() == "cpu":
        _log.warning("rollouts.backend: mjx runs on the CPU, since JAX has no accelerator; processes is faster there")
    from odes_rl.simulation.tasks import make_simulator, start_of  # needs MJX

    environment, task, physics = describe_task(settings)
    for reason in declared_edits(physics.model):
        _log.warning("rollouts.backend: mjx has other physics of %s: %s", settings.task, reason)
    simulator = make_simulator(settings.task, physics)

    def draw(seed: int) -> Start:
        try:
            environment.reset(seed=seed)
        except (Exception, SystemExit) as error:
            raise EnvironmentFailure.in_episode(settings.task, seed, error) from None
        return start_of(physics)

    return DeviceBackend(settings, task, simulator, draw, lanes, close=lambda: close_all([environment]))
