"""Episodes: the code that steps environments for the backends `serial`, `processes` and `ray`. Free of JAX."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import gymnasium
import numpy as np

from odes_rl.errors import UserError
from odes_rl.interrupts import check_interrupted
from odes_rl.rollouts.acting import Acting
from odes_rl.rollouts.board import Board
from odes_rl.rollouts.environments import Task, describe, make_environment
from odes_rl.rollouts.interfaces import check_step, first_observation, is_divergence
from odes_rl.rollouts.protocol import EnvironmentFailure, EpisodeSettings


class AnyLane(Protocol):
    """Runs one episode after another. After `start` either `step` is called until it is over, or `look` and `apply`."""

    task: Task

    @property
    def environment(self) -> gymnasium.Env:
        """The creator of the lane closes it."""
        ...

    def start(self, board: Board, unit: int) -> None:
        """Begin the episode of that unit."""
        ...

    def step(self) -> bool:
        """Go on with it for one environment step, or for many; True until it is over."""
        ...

    def look(self, out: np.ndarray) -> None:
        """Write the normalised observation [n] float32."""
        ...

    def apply(self, raw: np.ndarray) -> bool:
        """Step the environment with an act rule's output [m] for that observation; True until it is over."""
        ...


def run_units(lanes: Sequence[AnyLane], board: Board, claim: Callable[[], int | None]) -> None:
    """Step all lanes in turn until `claim` has no unit left and every episode is over.

    Raises:
        EnvironmentFailure: if an environment raises anything but dm_control's PhysicsError.
        Interrupted: if a signal comes, where signals are noted.
    """
    runs = [_run_lane(lane, board, claim) for lane in lanes]
    while runs:
        check_interrupted()
        runs = [run for run in runs if next(run, False)]


def _run_lane(lane: AnyLane, board: Board, claim: Callable[[], int | None]) -> Iterator[bool]:
    """Run episode after episode; yields True whenever another lane may have its turn."""
    while (unit := claim()) is not None:
        lane.start(board, unit)
        while lane.step():
            yield True


class Lane:
    """One environment, stepped through one episode after another."""

    def __init__(self, settings: EpisodeSettings, **options: Any) -> None:
        """Make the environment; `options` go to Gymnasium."""
        self.settings = settings
        self.environment = make_environment(settings.task, settings.max_steps, settings.setup, **options)
        self.task = describe(self.environment)
        self.acting = Acting(settings, self.environment.observation_space, self.environment.action_space)
        self.normalised = np.empty(self.task.observation_size, np.float32)
        self.raw = np.empty(self.task.action_size, np.float32)

    def start(self, board: Board, unit: int) -> None:
        """Begin the episode of that unit.

        Raises:
            EnvironmentFailure: if the environment does not reset.
            UserError: if it does by an old interface.
        """
        self.board = board
        self.place = divmod(unit, board.seeds.shape[1])
        self.weights = self.acting.weights(board, self.place[0])
        self.sums = board.sums[self.place]
        self.sums[:] = 0.0
        self.length = board.lengths[self.place[0], self.place[1] : self.place[1] + 1]
        self.length[0] = 0
        self.total, self.saturated = 0.0, 0
        seed = int(board.seeds[self.place])
        self.generator = self.acting.generator(seed)
        try:
            answer = self.environment.reset(seed=seed)
            self.observation = self.acting.flat(first_observation(self.settings.task, answer))
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            raise self._failure(error) from None

    def step(self) -> bool:
        """Act and step the environment once; False when the episode has ended.

        Raises:
            EnvironmentFailure: if the environment raises anything but dm_control's PhysicsError.
        """
        self.look(self.normalised)
        self.acting.rule.kernel(self.weights, self.normalised, self.raw)
        return self.apply(self.raw)

    def look(self, out: np.ndarray) -> None:
        """Write the normalised observation [n] float32."""
        self.acting.normalise(self.observation, self.board, self.sums, out)

    def apply(self, raw: np.ndarray) -> bool:
        """Step the environment with the output [m] of an act rule; False when the episode has ended.

        Raises:
            EnvironmentFailure: if the environment raises anything but dm_control's PhysicsError.
            UserError: if it steps by an old interface.
        """
        action, saturated = self.acting.head(raw, self.generator)
        self.length[0] += 1
        if saturated < 0:
            return self.finish(failed=True)
        self.saturated += saturated
        try:
            observation, reward, terminated, truncated, _ = self.environment.step(action)
            self.observation = self.acting.flat(observation)
            self.total += float(reward)
            over = bool(terminated or truncated)
        except (Exception, SystemExit) as error:
            if not is_divergence(error):
                check_step(self.settings.task, error)
                raise self._failure(error) from None
            return self.finish(failed=True)
        if over or self.length[0] >= self.board.limit[0]:
            return self.finish(failed=not np.isfinite(self.total))
        return True

    def finish(self, failed: bool) -> bool:
        """Write the result of the episode to the board; returns False, since it has ended."""
        board, place = self.board, self.place
        board.returns[place] = self.total
        board.saturated[place] = self.saturated
        board.failed[place] = failed
        board.done[place] = True
        return False

    def _failure(self, error: BaseException) -> EnvironmentFailure:
        return EnvironmentFailure.in_episode(self.settings.task, int(self.board.seeds[self.place]), error)
