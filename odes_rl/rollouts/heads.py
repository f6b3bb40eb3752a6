"""Heads: from the output of an act rule to an action of a task's space. Free of JAX."""

from typing import Any, Protocol

import numpy as np
from gymnasium.spaces import Box, Discrete, Space

from odes_rl.act.bounds import SQUASHES, squash
from odes_rl.act.discrete import choose
from odes_rl.rollouts.spaces import acting_type, action_bounds, choices_of, own_type


class Head(Protocol):
    """Makes actions of one space.

    Attributes:
        size: entries m of the act rule's output.
        shape: of an action, () for a number.
        dtype: of an action.
    """

    size: int
    shape: tuple[int, ...]
    dtype: np.dtype

    def __call__(self, raw: np.ndarray, generator: np.random.Generator | None = None) -> tuple[Any, int]:
        """The action for the rule's output raw [m], and how many of its entries are at their bounds.

        That number is −1 if an entry of `raw` is not finite, and the action none then. `generator` draws actions that
        are sampled; without it the most probable one is taken.
        """
        ...


class BoxHead:
    """Puts outputs between the bounds of a Box; a `Head`.

    Attributes:
        code: how, a place in `SQUASHES`.
        low: lowest actions [m], see `Task`.
        high: highest actions, of the same shape.
        acting_type: the type in which actions are bounded.
    """

    def __init__(self, space: Box, name: str) -> None:
        self.code = SQUASHES.index(name)
        self.low, self.high = action_bounds(space)
        self.acting_type = acting_type(space)
        self.size, self.shape, self.dtype = self.low.size, space.shape, space.dtype
        self._own_type = own_type(space)

    def __call__(self, raw: np.ndarray, generator: np.random.Generator | None = None) -> tuple[Any, int]:
        """As `Head` says; nothing is sampled."""
        action = np.empty(raw.size, self.acting_type)
        saturated = squash(self.code, raw, self.low, self.high, action)
        return self._own_type(action) if self._own_type and saturated >= 0 else action, saturated


class DiscreteHead:
    """Chooses by logits, a block of them for each entry of a discrete action; a `Head`. None is at a bound."""

    def __init__(self, space: Space) -> None:
        counts, first = choices_of(space)
        self.counts = np.array(counts)
        self.size, self.shape, self.dtype = sum(counts), space.shape or (), np.dtype(space.dtype)
        self._first = first
        self._scalar = self.dtype.type if isinstance(space, Discrete) else None
        self._no_noise = np.zeros(self.size)

    def __call__(self, raw: np.ndarray, generator: np.random.Generator | None = None) -> tuple[Any, int]:
        """As `Head` says."""
        noise = self._no_noise if generator is None else generator.gumbel(size=self.size)
        places = np.empty(self.counts.size, np.int64)
        outcome = choose(raw, noise, self.counts, places)
        if outcome < 0:
            return None, outcome
        if self._scalar:
            return self._scalar(places[0] + self._first[0]), outcome
        return (places + self._first).astype(self.dtype).reshape(self.shape), outcome


def make_head(space: Space, name: str) -> Head:
    """The head for that space of actions; `name` is that of the squash, of which logits have none."""
    return BoxHead(space, name) if isinstance(space, Box) else DiscreteHead(space)
