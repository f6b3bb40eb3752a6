"""Sizes of policies and models: stored parameters, and the dimension of their manifolds."""

from collections.abc import Callable
from typing import Any

import jax

from odes_rl.manifolds import Manifold


def parameter_count(learner: Any) -> int:
    """Number of trained parameters that a policy or supervised model stores, with symmetric matrices counted once."""
    return _sum_over(learner, lambda manifold, shape: manifold.stored(shape))


def free_dimensions(learner: Any) -> int:
    """Dimension of the product of the parameters' manifolds."""
    return _sum_over(learner, lambda manifold, shape: manifold.dimension(shape))


def _sum_over(learner: Any, count: Callable[[Manifold, tuple[int, ...]], int]) -> int:
    shapes = jax.eval_shape(learner.init, jax.random.key(0))
    return sum(jax.tree.leaves(jax.tree.map(lambda m, leaf: count(m, leaf.shape), learner.manifolds, shapes)))
