"""A lane that steps its environment in compiled code. Free of JAX."""

import gymnasium
import numpy as np

from odes_rl.rollouts.board import Board
from odes_rl.rollouts.episodes import Lane
from odes_rl.rollouts.heads import BoxHead
from odes_rl.rollouts.native.reading import observe, read_features
from odes_rl.rollouts.native.stepping import (
    FAILED,
    GOES_ON,
    Bounds,
    Memory,
    Normalising,
    apply,
    compile_episode,
)
from odes_rl.rollouts.native.tables import tables
from odes_rl.rollouts.physics.description import Physics, size
from odes_rl.rollouts.physics.words import NUMPY
from odes_rl.rollouts.protocol import ENDLESS

_CHUNK = 1000
"""Steps that are remembered: a longer episode is run in pieces."""


class NativeLane:
    """A lane whose `step` runs an episode, or as much of a long one as is remembered; resets stay the lane's."""

    def __init__(self, lane: Lane, simulation: Physics) -> None:
        self.lane = lane
        self.task = lane.task
        self.description = simulation.description
        self.tables = tables(simulation)
        head = lane.acting.head
        assert isinstance(head, BoxHead), head
        self.bounds = Bounds(head.code, head.low, head.high)
        self.episode = compile_episode(lane.settings.act_rule)
        steps = min(self.description.limit or _CHUNK, _CHUNK)
        self.memory = Memory(
            features=np.empty((steps + 1, size(self.description.features))),
            actions=np.empty((steps, head.size), head.acting_type),
            healthy=np.empty(steps, np.bool_),
        )

    @property
    def environment(self) -> gymnasium.Env:
        """Whose resets these are."""
        return self.lane.environment

    def start(self, board: Board, unit: int) -> None:
        """Begin the episode of that unit.

        Raises:
            EnvironmentFailure: if the environment does not reset.
        """
        self.lane.start(board, unit)
        self.limit = min(self.description.limit or ENDLESS, int(board.limit[0]))
        self.remembered = 0

    def step(self) -> bool:
        """Run the episode, or a part of it; False when it has ended."""
        lane, memory = self.lane, self.memory
        left = min(len(memory.healthy), self.limit - int(lane.length[0]))
        memory = Memory(memory.features[: left + 1], memory.actions[:left], memory.healthy[:left])
        board = lane.board
        normalising = Normalising(board.mean, board.deviation, board.origin, lane.settings.clip)
        outcome, self.remembered, saturated = self.episode(
            self.tables, lane.weights, normalising, self.bounds, lane.sums, lane.length, memory
        )
        return self._go_on(outcome, saturated)

    def look(self, out: np.ndarray) -> None:
        """Write the normalised observation [n] float32."""
        lane = self.lane
        if self.remembered == 0:
            read_features(self.tables, self.memory.features[0])
        observe(self.tables, lane.observation)
        lane.acting.normalise(lane.observation, lane.board, lane.sums, out)

    def apply(self, raw: np.ndarray) -> bool:
        """Step the environment with the output [m] of an act rule; False when the episode has ended."""
        lane = self.lane
        outcome, saturated = apply(self.tables, raw, self.bounds, lane.length, self.memory, self.remembered)
        self.remembered += 1
        return self._go_on(outcome, saturated)

    def _go_on(self, outcome: int, saturated: int) -> bool:
        """True unless the episode is over; then, and when the memory is full, add up its rewards."""
        lane, steps = self.lane, self.remembered
        lane.saturated += saturated
        if outcome == FAILED:
            return lane.finish(failed=True)
        over = outcome != GOES_ON or lane.length[0] == self.limit
        if over or steps == len(self.memory.healthy):
            features, actions, healthy = self.memory
            episode = features[: steps + 1], actions[:steps], healthy[:steps]
            for reward in self.description.rewards(NUMPY, *episode).tolist():
                lane.total += reward
            self.remembered = 0
        return not over or lane.finish(failed=not np.isfinite(lane.total))
