"""A linear path beside an act rule: its output + K s + b (Srouji, Zhang & Salakhutdinov 2018). Free of JAX."""

from collections import namedtuple
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import numpy as np

from odes_rl.act.compilation import compiled, is_ours
from odes_rl.act.field_flow import FieldFlowWeights
from odes_rl.act.linear import LinearWeights
from odes_rl.act.network import NetworkWeights
from odes_rl.act.residual_flow import ResidualFlowWeights
from odes_rl.act.rule import FAST_SUMS, ActRule
from odes_rl.act.runge_kutta_flow import RungeKuttaFlowWeights
from odes_rl.errors import UserError

SUFFIX = " + path"
"""The end of the name of a rule with a linear path."""
FIELDS = ("path", "bias")


@cache
def weights_with_path(weights: type[Any]) -> type[Any]:
    """The NamedTuple type of a rule's weights and of path K [m, n] and bias b [m].

    Raises:
        UserError: if the rule has fields of these names itself.
    """
    if taken := set(FIELDS) & set(weights._fields):
        raise UserError(f"{weights.__name__} has a field {min(taken)!r}, as a linear path has: rename it")
    module = __name__ if is_ours(weights) else weights.__module__
    made: Any = namedtuple(f"{weights.__name__}WithPath", (*weights._fields, *FIELDS), module=module)
    made.__reduce__ = lambda self: (_unpickled, (weights, *self))  # other processes do not find it by its name
    return made


def _unpickled(weights: type[Any], *leaves: Any) -> Any:
    return weights_with_path(weights)(*leaves)


# Compiled code is kept by the types it is for, which other processes look for here.
FieldFlowWeightsWithPath = weights_with_path(FieldFlowWeights)
LinearWeightsWithPath = weights_with_path(LinearWeights)
NetworkWeightsWithPath = weights_with_path(NetworkWeights)
ResidualFlowWeightsWithPath = weights_with_path(ResidualFlowWeights)
RungeKuttaFlowWeightsWithPath = weights_with_path(RungeKuttaFlowWeights)


def array_with_path(rule: ActRule) -> Callable[..., Any]:
    """The array form of `rule` with a path; it takes a probe if that of the rule does."""
    count = len(rule.weights._fields)

    @wraps(rule.array)
    def act(weights: Any, observations: Any, *probe: Any) -> Any:
        output = rule.array(rule.weights(*weights[:count]), observations, *probe)
        return output + (weights.path @ observations[..., None])[..., 0] + weights.bias

    return act


@compiled(fastmath=FAST_SUMS)
def add_path(path: np.ndarray, bias: np.ndarray, observation: np.ndarray, action: np.ndarray) -> None:
    """Add path [m, n] times observation [n] and bias [m] to action [m]."""
    for i in range(action.size):
        total = np.float32(0)
        for j in range(observation.size):
            total += path[i, j] * observation[j]
        action[i] += total + bias[i]
