"""Before and after an act rule: normalises and records observations, bounds actions.

Each in two forms, as act rules have them: a compiled kernel for one observation, and one for arrays of any namespace.
"""

import math
from typing import Any

import numpy as np

from odes_rl.act.compilation import compiled

SQUASHES = ("rescale", "clip", "tanh")
_RESCALE, _TANH = SQUASHES.index("rescale"), SQUASHES.index("tanh")
_HALF = np.float32(0.5)


@compiled
def normalise(
    observation: np.ndarray,
    mean: np.ndarray,
    deviation: np.ndarray,
    origin: np.ndarray,
    clip: float,
    sums: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write (observation − mean) / deviation, all float64 [n], within ±clip, into out [n] float32.

    What is not finite stays so: it has to fail the candidate. Adds the deviations from `origin` [n] and their squares
    to sums [2, n], from which `Moments` are made: of an entry that never leaves its origin both are exactly 0.
    """
    for i in range(observation.size):
        difference = observation[i] - origin[i]
        sums[0, i] += difference
        sums[1, i] += difference * difference
        value = (observation[i] - mean[i]) / deviation[i]
        out[i] = min(max(value, -clip), clip) if np.isfinite(value) else value


@compiled
def squash(code: int, raw: np.ndarray, low: np.ndarray, high: np.ndarray, action: np.ndarray) -> int:
    """Write the action [m] for a rule's output raw [m] and bounds low, high [m]; `code`: place in SQUASHES.

    Bounds that the action's type can hold are never left: what it rounds lies between them.
    Returns the number of entries at their bounds (tanh: within 1 % of them), or −1 if an entry is not finite.
    """
    saturated = 0
    for i in range(raw.size):
        if not np.isfinite(raw[i]):
            return -1
        if code == _TANH:
            squashed = np.tanh(raw[i])
            spread = low[i] + (high[i] - low[i]) * (_HALF * squashed + _HALF)
            saturated += abs(squashed) > 0.99
        else:
            spread = raw[i]
            if code == _RESCALE and np.isfinite(low[i]) and np.isfinite(high[i]):
                spread = (_HALF * low[i] + _HALF * high[i]) + (_HALF * high[i] - _HALF * low[i]) * spread
            saturated += spread <= low[i] or spread >= high[i]
        action[i] = min(max(spread, low[i]), high[i])
    return saturated


def normalised(observations: Any, mean: np.ndarray, deviation: np.ndarray, clip: float = math.inf) -> Any:
    """[..., n] float32, the array form of `normalise`, without the sums, for observations [..., n].

    They should be float64, as in the kernel: a mean far from 0 leaves few digits of a float32.
    """
    namespace = observations.__array_namespace__()
    values = (observations - mean) / deviation
    if math.isfinite(clip):
        cut = namespace.minimum(namespace.maximum(values, -clip), clip)
        values = cut + 0 * values  # NaN of what is not finite
    return namespace.astype(values, np.float32)


def squashed(squash: str, raw: Any, low: np.ndarray, high: np.ndarray) -> Any:
    """Actions [..., m], the array form of `squash`, for a rule's outputs raw [..., m] and bounds low, high [m].

    They are NaN where an output is not finite.
    """
    namespace = raw.__array_namespace__()
    return namespace.minimum(namespace.maximum(spread_out(squash, raw, low, high), low), high) + 0 * raw


def spread_out(squash: str, raw: Any, low: np.ndarray, high: np.ndarray) -> Any:
    """Actions [..., m] before they are cut to the bounds low, high [m], for a rule's outputs raw [..., m]."""
    if squash == "tanh":
        return low + (high - low) * (0.5 * raw.__array_namespace__().tanh(raw) + 0.5)
    if squash == "clip":
        return raw
    bounded = np.isfinite(low) & np.isfinite(high)
    lowest, highest = np.where(bounded, 0.5 * low, -0.5), np.where(bounded, 0.5 * high, 0.5)
    return (lowest + highest) + (highest - lowest) * raw
