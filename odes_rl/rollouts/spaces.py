"""Observation and action spaces: what suits a policy, and how it passes between the two. Free of JAX."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space, flatdim

from odes_rl.errors import UserError
from odes_rl.rollouts.flattening import ARRAYS, CHOICES, paths

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
DISCRETE = (Discrete, MultiDiscrete, MultiBinary)
"""Spaces of actions that are chosen by logits."""
_PICTURE_SIDE, _BYTES_SIDE = 16, 8
"""An array with two axes this long or longer is a picture: matrices of positions are smaller; of bytes, boards are."""


def check_spaces(task: str, observations: Space, actions: Space) -> None:
    """Check that policies can have these observations and give these actions.

    Raises:
        UserError: if they cannot; it says which space, and what is allowed.
    """
    is_box = isinstance(actions, Box) and actions.dtype.kind in "fiub"
    if not is_box and not isinstance(actions, DISCRETE):
        raise UserError(
            f"task.id: {task} has actions {actions}; policies need a Box of numbers, or Discrete, MultiDiscrete or "
            "MultiBinary actions"
        )
    entries = dict(_leaves(observations))
    if not all(isinstance(entry, ARRAYS + CHOICES) for entry in entries.values()):
        raise UserError(
            f"task.id: {task} has observations {observations}; policies need a Box, Discrete, MultiDiscrete or "
            "MultiBinary, or a Dict or Tuple of such"
        )
    pictures = [name for name, entry in entries.items() if _is_picture(entry)]
    if pictures:
        raise UserError(
            f"task.id: {task} observes images ({_described(pictures[0], entries)}), but policies have no layers for "
            "images: choose a task with vector observations, or remove the images with a wrapper; if they are no "
            "images, add FlattenObservation to task.wrappers"
        )
    if not flatdim(observations) or not flatdim(actions):
        kind = "observations" if flatdim(actions) else "actions"
        raise UserError(f"task.id: {task} has no entries in its {kind}; policies need at least one")


def action_bounds(space: Box) -> tuple[np.ndarray, np.ndarray]:
    """Low and high [m] of flat actions: float32 if they are, else float64, which never lies outside the space's own.

    So an action that is clipped to them, and then rounded to the space's type, is in the space.
    """
    lowest, highest = space.low.reshape(-1), space.high.reshape(-1)
    if space.dtype == np.float32:
        return lowest, highest
    low = [_inward(float(bound), bound, math.inf) for bound in lowest.tolist()]
    high = [_inward(float(bound), bound, -math.inf) for bound in highest.tolist()]
    return np.array(low), np.array(high)


def acting_type(space: Space) -> np.dtype:
    """The type in which actions are bounded: the space's own if that is float32 or float64, else float64."""
    assert space.dtype is not None
    return space.dtype if space.dtype in _FLOATS else np.dtype(np.float64)


def to_space(space: Space) -> Callable[[np.ndarray], np.ndarray] | None:
    """The function from a flat, bounded action to one of the space's own type and shape; None if it is one already.

    Where the type is one of integers, entries are rounded.
    """
    dtype, shape = space.dtype, space.shape
    assert dtype is not None
    assert shape is not None
    if dtype in _FLOATS:
        return None if len(shape) == 1 else lambda action: action.reshape(shape)
    if dtype.kind == "f":
        return lambda action: action.astype(dtype).reshape(shape)
    return lambda action: np.rint(action).astype(dtype).reshape(shape)


def _inward(rounded: float, bound: Any, direction: float) -> float:
    """A bound as float64 holds it, or the next number in that direction where rounding led outside."""
    outside = rounded > bound if direction < 0 else rounded < bound  # Python compares an int and a float exactly
    return math.nextafter(rounded, direction) if outside else rounded


def _leaves(space: Space) -> Iterator[tuple[str, Space]]:
    for path, entry in paths(space):
        yield "/".join(map(str, path)), entry


def _is_picture(space: Space) -> bool:
    least = _BYTES_SIDE if space.dtype == np.uint8 else _PICTURE_SIDE
    return sum(side >= least for side in space.shape or ()) > 1


def _described(name: str, entries: dict[str, Space]) -> str:
    space = entries[name]
    return f"{name + ' ' if name else ''}{space.dtype} {list(space.shape or ())}"
