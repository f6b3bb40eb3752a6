"""Converts an observation, or a batch, to rows of numbers. Free of JAX."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Space, Tuple, flatdim

from odes_rl.errors import UserError, one_line
from odes_rl.rollouts.flattening import CHOICES, entry_at, leaf_flattener, paths


def rows(space: Space, observation: Any) -> np.ndarray:
    """[n] float64 of an observation of `space`, as `flattener` has it; [B, n] of a batch.

    An observation comes as the environment gives it, or flat [n]. A batch has one more axis, the first, in every array.
    Whole numbers where the space has choices are choices; other numbers are flat.

    Raises:
        UserError: if it is neither.
    """
    structured = isinstance(observation, Mapping) or (isinstance(space, Tuple) and isinstance(observation, tuple))
    leaves = list(paths(space)) if structured else [((), space)]
    try:
        arrays = [_array(leaf, entry_at(observation, path)) for path, leaf in leaves]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UserError(f"an observation must be of {space}, and is not: {one_line(repr(error))}") from None
    size, shapes = flatdim(space), [_shape(leaf) for _, leaf in leaves]
    found = [array.shape for array in arrays]
    for expected in (shapes, [(size,)]):
        if found == expected:
            return np.concatenate(arrays, axis=None)
        if len({shape[:1] for shape in found}) == 1 and [shape[1:] for shape in found if shape] == expected:
            return np.concatenate([array.reshape(len(array), math.prod(array.shape[1:])) for array in arrays], axis=1)
    if sum(array.size for array in arrays) == size:  # lanes ask no more of an environment
        return np.concatenate(arrays, axis=None)
    told, wanted = (", ".join(str(list(s if s is not None else (size,))) for s in each) for each in (found, shapes))
    raise UserError(f"an observation is of shape {told}, but must be {wanted}, with one more axis in front for a batch")


def _array(space: Space, entry: Any) -> np.ndarray:
    """The numbers in an entry of the observation, of which choices have become ones among zeros."""
    if not isinstance(space, CHOICES):
        return np.asarray(entry, np.float64)
    array = np.asarray(entry)
    if array.dtype.kind not in "iu":
        return array.astype(np.float64)
    flatten, shape = leaf_flattener(space), space.shape or ()
    if array.shape[1:] == shape and array.ndim > len(shape):
        return np.array([flatten(row) for row in array]).reshape(len(array), flatdim(space))
    return flatten(array)


def _shape(space: Space) -> tuple[int, ...] | None:
    return (flatdim(space),) if isinstance(space, CHOICES) else space.shape
