"""How large policies and models are: numbers stored, dimensions in which they move."""

import math
from collections.abc import Callable
from typing import Any

import jax

from odes_rl.manifolds import Frozen, Orthogonal, Stiefel, Symmetric


def parameter_count(learner: Any) -> int:
    """Trained numbers that are stored by a policy or a supervised model, symmetric matrices counted once."""
    return _sum_over(learner, _stored)


def free_dimensions(learner: Any) -> int:
    """Dimension of the product of the parameters' manifolds."""
    return _sum_over(learner, _dimension)


def _sum_over(learner: Any, count: Callable[[Any, tuple[int, ...]], int]) -> int:
    shapes = jax.eval_shape(learner.init, jax.random.key(0))
    return sum(jax.tree.leaves(jax.tree.map(lambda m, leaf: count(m, leaf.shape), learner.manifolds, shapes)))


def _stored(manifold: Any, shape: tuple[int, ...]) -> int:
    if isinstance(manifold, Frozen):
        return 0
    return shape[-1] * (shape[-1] + 1) // 2 if isinstance(manifold, Symmetric) else math.prod(shape)


def _dimension(manifold: Any, shape: tuple[int, ...]) -> int:
    if isinstance(manifold, Stiefel | Orthogonal):
        small = min(shape)
        return math.prod(shape) - small * (small + 1) // 2
    return _stored(manifold, shape)
