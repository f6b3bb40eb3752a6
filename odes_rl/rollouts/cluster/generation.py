"""One call of `evaluate`: units handed out to a crew, and answers taken in. Free of JAX."""

from typing import Any

import numpy as np

from odes_rl.rollouts.board import Board
from odes_rl.rollouts.cluster.crew import Crew, Event, describe
from odes_rl.rollouts.cluster.units import UnitQueue, batch_size
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.rollouts.watch import DeathToll


class Generation:
    """The units of `board`, whose questions are in `blocks` of `block_size` candidates, in the cluster's store."""

    def __init__(self, crew: Crew, task: str, board: Board, blocks: list[Any], block_size: int) -> None:
        self.crew = crew
        self.board = board
        self.blocks = blocks
        self.units_a_block = block_size * board.seeds.shape[1]
        self.queue = UnitQueue(board.seeds.size)
        self.toll = DeathToll(task, board, len(crew.handles), deadline=None)
        self.unit_seconds = 0.0

    def run(self) -> int:
        """Have the board filled; returns how many actors died meanwhile.

        Raises:
            EnvironmentFailure: if an environment raises, actors die again and again, or none can be started.
        """
        self._feed_idle()
        left = self.board.seeds.size
        while left:
            left -= self._handle(self.crew.next_event())
        assert self.board.done.all()
        return self.toll.total

    def _handle(self, event: Event) -> int:
        """Act upon an event; how many units it finished."""
        death = self.crew.death(event)
        if death is not None:
            self._replace(event.actor, death)
            self._feed_idle()
            return 0
        if event.units is None:
            self.crew.admit(event)
            self._feed(event.actor)
            return 0
        self.crew.ready[event.actor] -= 1
        self._feed(event.actor)  # first, so that it works while we write
        self._take_in(event.units, event.future.result())
        return event.units.size

    def _feed_idle(self) -> None:
        for actor, batches in list(self.crew.ready.items()):
            if not batches:
                self._feed(actor)

    def _feed(self, actor: int) -> None:
        """Send a batch and queue a second one; near the end of a generation, send single units to free actors."""
        while left := len(self.queue):
            actors = len(self.crew.handles)
            size = batch_size(left, self.board.seeds.size, actors, self.unit_seconds)
            enough_for_all = size > 1 and left > size * actors
            if self.crew.ready[actor] >= (2 if enough_for_all else 1):
                return
            units = self.queue.take(size)
            self.board.claims.reshape(-1)[units] = actor
            needed = np.unique(units // self.units_a_block)
            self.crew.hand_out(actor, units, [self.blocks[block] for block in needed])

    def _take_in(self, units: np.ndarray, answers: Any) -> None:
        if isinstance(answers, str):
            raise EnvironmentFailure(answers)
        answers.write(self.board, units)
        self.unit_seconds = answers.seconds / units.size

    def _replace(self, actor: int, death: Exception) -> None:
        unfinished = np.flatnonzero(self.board.unfinished(actor))
        try:
            self.toll.count(actor, hung=False)
        except EnvironmentFailure as failure:
            raise EnvironmentFailure(f"{failure}, in Ray's logs on the node; Ray says: {describe(death)}") from None
        self.board.release(actor)
        self.queue.give_back(unfinished)
        self.crew.dismiss(actor)
        self.crew.hire()
