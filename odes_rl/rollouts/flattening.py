"""Flattens observations, by the rules of Gymnasium's `flatten`. Free of JAX."""

import math
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Tuple, flatdim

Flatten = Callable[[Any], np.ndarray]
"""From an observation to its entries [n] float64."""
ARRAYS = (Box, MultiBinary)
"""Spaces whose observations are arrays of numbers as they stand."""
CHOICES = (Discrete, MultiDiscrete)
"""Spaces whose observations are choices, which become ones among zeros."""


def flattener(space: Space) -> Flatten:
    """The function that flattens observations of `space`: a leaf, or a Dict or a Tuple of such, nested or not.

    A leaf is a Box, Discrete, MultiDiscrete or MultiBinary. Dictionaries' entries come in the order of the space,
    whatever the order in which they are given, and what the space lacks is left out. Choices are one-hot. Entries stay
    in float64, even if the space is of a lesser type, unlike in Gymnasium's own.

    The function raises ValueError if an observation is not of the space.
    """
    flatten, size = _flattener(space), flatdim(space)

    def flatten_checked(observation: Any) -> np.ndarray:
        flat = flatten(observation)
        if flat.size != size:  # compiled code would read past its end
            raise ValueError(f"an observation has {flat.size} entries, its space {size}")
        return flat

    return flatten_checked


def _flattener(space: Space) -> Flatten:
    leaves = list(paths(space))
    if leaves == [((), space)]:
        return leaf_flattener(space)
    entries = _entries([path for path, _ in leaves])
    if not all(isinstance(leaf, ARRAYS) for _, leaf in leaves):
        entries = _converted(entries, [leaf_flattener(leaf) for _, leaf in leaves])

    def flatten(observation: Any) -> np.ndarray:
        try:
            return np.concatenate(entries(observation), axis=None, dtype=np.float64)
        except KeyError as error:
            raise ValueError(f"an observation lacks the entry {error} of its space") from None
        except IndexError:
            raise ValueError(f"an observation lacks entries of its space: {observation}") from None

    return flatten


def leaf_flattener(space: Space) -> Flatten:
    """The function that flattens observations of a `space` that is no Dict and no Tuple."""
    if isinstance(space, ARRAYS):
        return lambda observation: np.asarray(observation, np.float64).reshape(-1)
    numbers, first = choices_of(space)
    counts = np.array(numbers)
    starts = np.cumsum([0, *counts[:-1]])

    def one_hot(observation: Any) -> np.ndarray:
        chosen = np.asarray(observation).astype(np.int64, casting="same_kind").reshape(-1)
        chosen = chosen - first if chosen.shape == first.shape else -1
        if np.any(chosen < 0) or np.any(chosen >= counts):
            raise ValueError(f"an observation is {observation}, which is not in {space}")
        flat = np.zeros(counts.sum())
        flat[starts + chosen] = 1
        return flat

    return one_hot


def choices_of(space: Space) -> tuple[tuple[int, ...], np.ndarray]:
    """How many values each entry of a discrete space has, k numbers, and the lowest of each [k] int64."""
    if isinstance(space, Discrete):
        return (int(space.n),), np.array([space.start], np.int64)
    if isinstance(space, MultiDiscrete):
        return tuple(space.nvec.reshape(-1).tolist()), space.start.reshape(-1).astype(np.int64)
    assert isinstance(space, MultiBinary), space
    size = math.prod(space.shape)
    return (2,) * size, np.zeros(size, np.int64)


def paths(space: Space, path: tuple = ()) -> Iterator[tuple[tuple, Space]]:
    """The keys and places that lead to each space that is no Dict and no Tuple, in the order of the spaces."""
    if isinstance(space, Dict | Tuple):
        below = space.items() if isinstance(space, Dict) else enumerate(space)
        for name, entry in below:
            yield from paths(entry, (*path, name))
    else:
        yield path, space


def entry_at(observation: Any, path: tuple) -> Any:
    """The entry of nested dictionaries and tuples at a path of keys and places."""
    for name in path:
        observation = observation[name]
    return observation


def _entries(places: list[tuple]) -> Callable[[Any], tuple]:
    """The function that gives an observation's entries at `places`; made for speed where none is nested."""
    names = [path[0] for path in places]
    if len(names) > 1 and all(len(path) == 1 for path in places):
        get: Any = itemgetter(*names)
        return get
    return lambda observation: tuple(entry_at(observation, path) for path in places)


def _converted(entries: Callable[[Any], tuple], flatten: list[Flatten]) -> Callable[[Any], tuple]:
    """The function that gives what `entries` gives, each flattened by its own function."""
    return lambda observation: tuple(f(entry) for f, entry in zip(flatten, entries(observation), strict=True))
