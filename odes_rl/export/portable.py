"""A policy as arrays and a rule: all that acting needs, without its run and its task. Free of JAX."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from odes_rl.act import ActRule
from odes_rl.act.bounds import normalised, squashed
from odes_rl.errors import UserError, one_line


class PortablePolicy(NamedTuple):
    """A policy for observations [n] and actions [m].

    Attributes:
        rule: its act rule.
        weights: the rule's, float32 arrays.
        mean: [n] float64, what observations are normalised about.
        deviation: [n] float64, what they are divided by; infinite for an entry that never varied.
        clip: bound of normalised observations, infinite for none.
        squash: how outputs enter the bounds, a name in `SQUASHES`.
        low: lowest actions [m], float32 or float64.
        high: highest actions [m], of the same type.
        dtype: type of the task's actions.
        about: where it comes from and what it is for, names and texts.
    """

    rule: ActRule
    weights: Any
    mean: np.ndarray
    deviation: np.ndarray
    clip: float
    squash: str
    low: np.ndarray
    high: np.ndarray
    dtype: np.dtype
    about: Mapping[str, str]

    def act(self, observations: Any) -> Any:
        """Actions [..., m] for flat observations [..., n], an array of any namespace: those of the run, to rounding.

        Where the run's episode would fail, because an output is not finite, an action is NaN if its type has that.

        Raises:
            UserError: if the array form of the act rule raises.
        """
        normal = normalised(observations, self.mean, self.deviation, self.clip)
        try:
            raw = self.rule.array(self.weights, normal)
        except UserError:
            raise
        except Exception as error:
            told = f"{type(error).__name__}: {one_line(error)}"
            raise UserError(f"the array form of the act rule raises on a batch of observations: {told}") from error
        actions = squashed(self.squash, raw, self.low, self.high)
        namespace = actions.__array_namespace__()
        return namespace.astype(actions if self.dtype.kind == "f" else namespace.rint(actions), self.dtype)
