"""Both sides of an act rule: from what a task observes to the rule, from its output to an action. Free of JAX."""

from typing import Any

import numpy as np
from gymnasium.spaces import Space, flatdim

from odes_rl.act import find_rule
from odes_rl.act.bounds import SQUASHES, normalise, squash
from odes_rl.rollouts.board import Board
from odes_rl.rollouts.flattening import flattener
from odes_rl.rollouts.observing import rows
from odes_rl.rollouts.protocol import EpisodeSettings
from odes_rl.rollouts.spaces import acting_type, action_bounds, to_space


class Acting:
    """How policies act in a task: the same code for a lane's every step and for a policy that is called.

    Attributes:
        rule: the act rule.
        squash_code: how its output enters the bounds, a place in `SQUASHES`.
        low: lowest actions [m], see `Task`.
        high: highest actions, of the same shape.
        action_type: the type in which actions are bounded.
        own_dtype: the type of the space of actions.
        shape: of an action in its space.
        sizes: entries n of an observation, and m of an action.
        flat: [n] float64 of what the environment observes; raises ValueError if that is not of its space.
    """

    def __init__(self, settings: EpisodeSettings, observations: Space, actions: Any) -> None:
        self.rule = find_rule(settings.act_rule)
        self.squash_code = SQUASHES.index(settings.squash)
        self.low, self.high = action_bounds(actions)
        self.action_type = acting_type(actions)
        self.sizes = flatdim(observations), self.low.size
        self.own_dtype, self.shape = actions.dtype, actions.shape
        self._space = observations
        self._clip = settings.clip
        self.flat = flattener(observations)
        self._to_space = to_space(actions)

    def weights(self, board: Board, candidate: int) -> Any:
        """The weights of a candidate on the board, for the rule's kernel; None where the trainer acts."""
        leaves = [leaf[candidate] for leaf in board.weights]
        return self.rule.weights(*leaves) if leaves else None

    def rows(self, observation: Any) -> np.ndarray:
        """[n] float64 of an observation, [B, n] of a batch; see `observing.rows`.

        Raises:
            UserError: if it is neither.
        """
        return rows(self._space, observation)

    def normalise(self, flat: np.ndarray, board: Board, sums: np.ndarray, out: np.ndarray) -> None:
        """Write the observation flat [n], normalised and cut as the board says, into out [n]; see `act.bounds`."""
        normalise(flat, board.mean, board.deviation, board.origin, self._clip, sums, out)

    def bounded(self, raw: np.ndarray) -> tuple[Any, int]:
        """The action, in the space's own type and shape, for the rule's output raw [m]; how many entries are at bounds.

        That number is −1 if an entry is not finite, and the action none then.
        """
        action = np.empty(raw.size, self.action_type)
        saturated = squash(self.squash_code, raw, self.low, self.high, action)
        return self._to_space(action) if self._to_space and saturated >= 0 else action, saturated
