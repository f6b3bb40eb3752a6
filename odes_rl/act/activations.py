"""Nonlinearities of the hidden flows, as array functions and as one compiled scalar function."""

from typing import Any

import numpy as np

from odes_rl.act.compilation import compiled

ACTIVATIONS = ("abs", "relu", "tanh")
"""The names that have both forms."""
ARRAY_ACTIVATIONS = (*ACTIVATIONS, "leaky_relu")
"""The names that have a form for arrays."""
LEAK = 0.2
"""Slope of leaky_relu below 0."""


def activate(activation: str, x: Any) -> Any:
    """The nonlinearity of that name, elementwise on `x`, an array of any array namespace."""
    namespace = x.__array_namespace__()
    if activation == "abs":
        return namespace.abs(x)
    if activation == "relu":
        return namespace.maximum(x, namespace.zeros_like(x))
    if activation == "leaky_relu":
        return namespace.maximum(x, LEAK * x)
    assert activation == "tanh", activation
    return namespace.tanh(x)


def gain(activation: str) -> float:
    """Factor on the deviation of weights before the nonlinearity, so that it keeps the scale (He et al. 2015)."""
    slope = {"relu": 0.0, "leaky_relu": LEAK}.get(activation, 1.0)
    return (2 / (1 + slope**2)) ** 0.5


@compiled(inline="always")
def activate_scalar(activation: int, x: np.float32) -> np.float32:
    """The nonlinearity at place `activation` of ACTIVATIONS, a constant where a kernel closes over it."""
    if activation == 0:
        return abs(x)
    if activation == 1:
        return max(x, np.float32(0))
    return np.tanh(x)
