"""Both sides of an act rule: from what a task observes to the rule, from its output to an action. Free of JAX."""

from typing import Any

import numpy as np
from gymnasium.spaces import Space, flatdim

from odes_rl.act import find_rule
from odes_rl.act.bounds import normalise
from odes_rl.rollouts.board import Board
from odes_rl.rollouts.heads import make_head
from odes_rl.rollouts.observing import rows
from odes_rl.rollouts.protocol import EpisodeSettings
from odes_rl.rollouts.seeds import action_generator
from odes_rl.rollouts.spaces import flattener


class Acting:
    """How policies act in a task: the same code for a lane's every step and for a policy that is called.

    Attributes:
        rule: the act rule.
        head: makes actions of its output.
        observation_size: entries n of an observation.
    """

    def __init__(self, settings: EpisodeSettings, observations: Space, actions: Space) -> None:
        self.rule = find_rule(settings.act_rule)
        self.head = make_head(actions, settings.squash)
        self.observation_size = flatdim(observations)
        self._samples = settings.actions == "sampled"
        self._space = observations
        self._clip = settings.clip
        self._flatten = flattener(observations)

    def weights(self, board: Board, candidate: int) -> Any:
        """The weights of a candidate on the board, for the rule's kernel; None where the trainer acts."""
        leaves = [leaf[candidate] for leaf in board.weights]
        return self.rule.weights(*leaves) if leaves else None

    def flat(self, observation: Any) -> np.ndarray:
        """[n] float64 of what the environment observes.

        Raises:
            ValueError: if that is not of its space.
        """
        flat = self._flatten(observation)
        if flat.size != self.observation_size:  # compiled code would read past its end
            raise ValueError(f"an observation has {flat.size} entries, its space {self.observation_size}")
        return flat

    def rows(self, observation: Any) -> np.ndarray:
        """[n] float64 of an observation, [B, n] of a batch; see `observing.rows`.

        Raises:
            UserError: if it is neither.
        """
        return rows(self._space, observation)

    def normalise(self, flat: np.ndarray, board: Board, sums: np.ndarray, out: np.ndarray) -> None:
        """Write the observation flat [n], normalised and cut as the board says, into out [n]; see `act.bounds`."""
        normalise(flat, board.mean, board.deviation, board.origin, self._clip, sums, out)

    def generator(self, seed: int) -> np.random.Generator | None:
        """What draws the actions of the episode with that seed; None if they are not sampled."""
        return action_generator(seed) if self._samples else None
