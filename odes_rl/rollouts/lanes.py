"""The lanes that suit a task. Free of JAX."""

import sys
from collections.abc import Iterator

from odes_rl.rollouts.episodes import AnyLane, Lane
from odes_rl.rollouts.protocol import EpisodeSettings


def make_lanes(settings: EpisodeSettings, count: int) -> Iterator[AnyLane]:
    """Make `count` lanes for that task, one after the other: native where they can be, to the same bits."""
    for _ in range(count):
        yield _native(Lane(settings), settings)


def _native(lane: Lane, settings: EpisodeSettings) -> AnyLane:
    if "mujoco" not in sys.modules:  # its environment is another physics'
        return lane
    from odes_rl.rollouts.native.finding import native_simulation
    from odes_rl.rollouts.native.lane import NativeLane

    simulation = native_simulation(lane.environment, settings.setup)
    return lane if simulation is None else NativeLane(lane, simulation)
