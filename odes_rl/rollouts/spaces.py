"""Observation and action spaces: what suits a policy, and how it passes between the two. Free of JAX."""

import math
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, flatdim

from odes_rl.errors import UserError

Flatten = Callable[[Any], np.ndarray]
"""From an observation to its entries [n] float64."""
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
DISCRETE = (Discrete, MultiDiscrete, MultiBinary)
"""Spaces of actions that are chosen by logits."""
_PICTURE_SIDE = 16
"""An array with two axes this long or longer is a picture: matrices of positions are smaller."""


def check_spaces(task: str, observations: Space, actions: Space) -> None:
    """Check that policies can have these observations and give these actions.

    Raises:
        UserError: if they cannot; it says which space, and what is allowed.
    """
    is_box = isinstance(actions, Box) and len(actions.shape) == 1 and actions.dtype.kind in "fiub"
    if not is_box and not isinstance(actions, DISCRETE):
        raise UserError(
            f"task.id: {task} has actions {actions}; policies need a one-dimensional Box of numbers, or Discrete, "
            "MultiDiscrete or MultiBinary actions"
        )
    entries = dict(_leaves(observations))
    if not all(isinstance(entry, Box) for entry in entries.values()):
        raise UserError(f"task.id: {task} has observations {observations}; policies need a Box or a Dict of Boxes")
    pictures = [name for name, entry in entries.items() if _is_picture(entry)]
    if pictures:
        raise UserError(
            f"task.id: {task} observes images ({_described(pictures[0], entries)}), but policies have no layers for "
            "images: choose a task with vector observations, or remove the images with a wrapper"
        )
    if not flatdim(observations) or not flatdim(actions):
        kind = "observations" if flatdim(actions) else "actions"
        raise UserError(f"task.id: {task} has no entries in its {kind}; policies need at least one")


def flattener(space: Space) -> Flatten:
    """The function that flattens observations of `space`, a Box or a Dict of such, nested or not.

    As Gymnasium's own, it takes a dictionary's entries in the order of the space, whatever the order in which they
    come, and leaves out what the space lacks. Entries stay in float64, even if the space is of a lesser type.
    """
    if not isinstance(space, Dict):
        return lambda observation: np.asarray(observation, np.float64).reshape(-1)
    entries = _entries([path for path, _ in paths(space)])

    def flatten(observation: Any) -> np.ndarray:
        try:
            return np.concatenate(entries(observation), axis=None, dtype=np.float64)
        except KeyError as error:
            raise ValueError(f"an observation lacks the entry {error} of its space") from None

    return flatten


def action_bounds(space: Box) -> tuple[np.ndarray, np.ndarray]:
    """Low and high [m] of actions: float32 if they are, else float64, which never lies outside the space's own.

    So an action that is clipped to them, and then rounded to the space's type, is in the space.
    """
    if space.dtype == np.float32:
        return space.low, space.high
    low = [_inward(float(bound), bound, math.inf) for bound in space.low.tolist()]
    high = [_inward(float(bound), bound, -math.inf) for bound in space.high.tolist()]
    return np.array(low), np.array(high)


def choices_of(space: Space) -> tuple[tuple[int, ...], np.ndarray]:
    """How many values each entry of a discrete action has, k numbers, and the lowest of each [k] int64."""
    if isinstance(space, Discrete):
        return (int(space.n),), np.array([space.start], np.int64)
    if isinstance(space, MultiDiscrete):
        return tuple(space.nvec.reshape(-1).tolist()), space.start.reshape(-1).astype(np.int64)
    assert isinstance(space, MultiBinary), space
    size = math.prod(space.shape)
    return (2,) * size, np.zeros(size, np.int64)


def acting_type(space: Space) -> np.dtype:
    """The type in which actions are bounded: the space's own if that is float32 or float64, else float64."""
    assert space.dtype is not None
    return space.dtype if space.dtype in _FLOATS else np.dtype(np.float64)


def own_type(space: Space) -> Callable[[np.ndarray], np.ndarray] | None:
    """The function from a bounded action to one of the space's own type, integers rounded; None if it is of it."""
    dtype = space.dtype
    assert dtype is not None
    if dtype in _FLOATS:
        return None
    if dtype.kind == "f":
        return lambda action: action.astype(dtype)
    return lambda action: np.rint(action).astype(dtype)


def _inward(rounded: float, bound: Any, direction: float) -> float:
    """A bound as float64 holds it, or the next number in that direction where rounding led outside."""
    outside = rounded > bound if direction < 0 else rounded < bound  # Python compares an int and a float exactly
    return math.nextafter(rounded, direction) if outside else rounded


def paths(space: Space, path: tuple = ()) -> Iterator[tuple[tuple, Space]]:
    """The keys that lead to each space that is no Dict, in the order of the spaces."""
    if not isinstance(space, Dict):
        yield path, space
        return
    for name, entry in space.items():
        yield from paths(entry, (*path, name))


def _leaves(space: Space) -> Iterator[tuple[str, Space]]:
    for path, entry in paths(space):
        yield "/".join(map(str, path)), entry


def _entries(places: list[tuple]) -> Callable[[Any], tuple]:
    """The function that gives a dictionary's entries at `places`; made for speed where none is nested."""
    names = [path[0] for path in places]
    if len(names) > 1 and all(len(path) == 1 for path in places):
        get: Any = itemgetter(*names)
        return get
    return lambda observation: tuple(entry_at(observation, path) for path in places)


def entry_at(observation: Any, path: tuple) -> Any:
    """The entry of a nested dictionary at a path of keys."""
    for name in path:
        observation = observation[name]
    return observation


def _is_picture(space: Space) -> bool:
    shape = space.shape or ()
    is_bytes = space.dtype == np.uint8 and len(shape) > 1
    return is_bytes or sum(side >= _PICTURE_SIDE for side in shape) > 1


def _described(name: str, entries: dict[str, Space]) -> str:
    space = entries[name]
    return f"{name + ' ' if name else ''}{space.dtype} {list(space.shape or ())}"
