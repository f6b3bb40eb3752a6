"""A policy as arrays and a rule: all that acting needs, without its run and its task. Free of JAX."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from odes_rl.act import ActRule
from odes_rl.act.bounds import normalised
from odes_rl.errors import UserError, one_line
from odes_rl.export.heads import Bounds, Choices


class PortablePolicy(NamedTuple):
    """A policy for flat observations [n].

    Attributes:
        rule: its act rule.
        weights: the rule's, float32 arrays.
        mean: [n], what observations are normalised about; float64, or float32 for observations of that type.
        deviation: [n] of the same type, what they are divided by; infinite for an entry that never varied.
        clip: bound of normalised observations, infinite for none.
        head: makes actions of the outputs [m] of the rule.
        about: where it comes from and what it is for, names and texts.
    """

    rule: ActRule
    weights: Any
    mean: np.ndarray
    deviation: np.ndarray
    clip: float
    head: Bounds | Choices
    about: Mapping[str, str]

    def act(self, observations: Any) -> Any:
        """Actions [B, ...] for flat observations [B, n], an array of any namespace: those of the run, to rounding.

        Discrete actions are the greedy ones. Where an episode of the run would fail, because an output is not finite,
        an action is NaN, if its type has that.

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
        return self.head(raw)
