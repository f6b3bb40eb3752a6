"""Array forms of the heads that make actions of an act rule's outputs. Free of JAX."""

from typing import Any, NamedTuple

import numpy as np

from odes_rl.act.bounds import SQUASHES, squashed
from odes_rl.act.discrete import chosen
from odes_rl.errors import UserError
from odes_rl.rollouts.heads import BoxHead, DiscreteHead, Head


class Bounds(NamedTuple):
    """Puts outputs into bounds.

    Attributes:
        squash: how, a name in `SQUASHES`.
        low: lowest actions [m], float32 or float64.
        high: highest actions [m], of the same type.
        shape: of an action in its space.
        dtype: type of the space.
    """

    squash: str
    low: np.ndarray
    high: np.ndarray
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def size(self) -> int:
        """Outputs m."""
        return self.low.size

    def __call__(self, raw: Any) -> Any:
        """Actions [B, *shape] for outputs raw [B, m], whole numbers rounded; NaN where raw is not finite."""
        actions = squashed(self.squash, raw, self.low, self.high)
        return _in_space(actions if self.dtype.kind == "f" else actions.__array_namespace__().rint(actions), self)


class Choices(NamedTuple):
    """Chooses by the largest logit of each block.

    Attributes:
        counts: lengths of the blocks [k] int64, whose sum is m.
        start: the values of the first logits of blocks [k] int64.
        shape: of an action in its space, () for a number.
        dtype: type of the space.
    """

    counts: np.ndarray
    start: np.ndarray
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def size(self) -> int:
        """Logits m."""
        return int(self.counts.sum())

    def __call__(self, raw: Any) -> Any:
        """Actions [B, *shape] for logits raw [B, m]."""
        return _in_space(chosen(raw, self.counts) + self.start, self)


def array_head(head: Head) -> Bounds | Choices:
    """The array form of a head.

    Raises:
        UserError: if it is of another kind.
    """
    if isinstance(head, BoxHead):
        return Bounds(SQUASHES[head.code], head.low, head.high, head.shape, np.dtype(head.dtype))
    if isinstance(head, DiscreteHead):
        return Choices(head.counts, head.first, head.shape, np.dtype(head.dtype))
    raise UserError(f"actions are made by a {type(head).__name__}, which no format of exported policies has")


def _in_space(flat: Any, head: Bounds | Choices) -> Any:
    namespace = flat.__array_namespace__()
    typed = namespace.astype(flat, head.dtype)
    return typed if len(head.shape) == 1 else namespace.reshape(typed, (-1, *head.shape))
