"""Converts an observation, or a batch, to rows of numbers. Free of JAX."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Space, flatdim

from odes_rl.errors import UserError, one_line
from odes_rl.rollouts.spaces import entry_at, paths


def rows(space: Space, observation: Any) -> np.ndarray:
    """[n] float64 of an observation of `space`, a Box or a Dict of such; [B, n] of a batch.

    An observation comes as the environment gives it, or flat [n]. A batch has one more axis, the first, in every array.

    Raises:
        UserError: if it is neither.
    """
    leaves = list(paths(space)) if isinstance(observation, Mapping) else [((), space)]
    try:
        arrays = [np.asarray(entry_at(observation, path), np.float64) for path, _ in leaves]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"an observation must be of {space}, and is not: {one_line(repr(error))}") from None
    size, shapes = flatdim(space), [leaf.shape for _, leaf in leaves]
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
