"""A worker whose actions are computed by its trainer: it steps environments, and tells what they observe.

Its lanes are two halves. While the trainer answers one, the worker steps the other. Free of JAX.
"""

from collections.abc import Callable, Sequence

from odes_rl.rollouts.board import PENDING, Board
from odes_rl.rollouts.episodes import AnyLane


def run_slots(
    lanes: Sequence[AnyLane],
    board: Board,
    first: int,
    claim: Callable[[], int | None],
    ask: Callable[[int, bool], None],
    hear: Callable[[], int],
) -> None:
    """Step all lanes, which have the slots from `first` on, until `claim` has no unit left and all episodes are over.

    `ask(half, running)` says that the half's observations are on the board, if episodes of it are running at all;
    `hear()` waits for the half whose actions are.

    Raises:
        EnvironmentFailure: if an environment raises anything but dm_control's PhysicsError.
    """
    middle = len(lanes) // 2
    halves = [_Half(lanes[:middle], board, first, claim), _Half(lanes[middle:], board, first + middle, claim)]
    for number, half in enumerate(halves):
        ask(number, half.fill())
    while any(half.running for half in halves):
        number = hear()
        ask(number, halves[number].step())


class _Half:
    """Lanes with neighbouring slots, and the places among them of those whose episodes are running."""

    def __init__(self, lanes: Sequence[AnyLane], board: Board, first: int, claim: Callable[[], int | None]) -> None:
        self.lanes = lanes
        self.board = board
        self.first = first
        self.claim = claim
        self.running: list[int] = []

    def fill(self) -> bool:
        """Begin episodes; True if there are any."""
        self.running = [place for place in range(len(self.lanes)) if self._start(place)]
        return self._look()

    def step(self) -> bool:
        """Apply the actions that are on the board; True while episodes are running."""
        answers = self.board.answers
        self.running = [
            place
            for place in self.running
            if self.lanes[place].apply(answers[self.first + place]) or self._start(place)
        ]
        return self._look()

    def _start(self, place: int) -> bool:
        unit = self.claim()
        self.board.units[self.first + place] = PENDING if unit is None else unit
        if unit is None:
            return False
        self.lanes[place].start(self.board, unit)
        return True

    def _look(self) -> bool:
        for place in self.running:
            self.lanes[place].look(self.board.observations[self.first + place])
        return bool(self.running)
