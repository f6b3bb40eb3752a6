"""What a strategy carries from one generation to the next, and what it tells of an update."""

from typing import Any, NamedTuple

import jax
import optax


class StrategyState(NamedTuple):
    """What the next generation needs.

    Attributes:
        params: the current parameters.
        optimizer: optax's state over tangent coordinates.
        generation: scalar int32, updates so far.
        key: the run's key; a generation's noise is a pure function of it and `generation`.
        scales: of the leaves, as multiples of sigma: a tree that mirrors the parameters; None if all are 1.
    """

    params: Any
    optimizer: optax.OptState
    generation: jax.Array
    key: jax.Array
    scales: Any = None


class Estimate(NamedTuple):
    """What a generation's fitness says, however many rounds it has.

    Attributes:
        gradient: [G, size] sums of u ε over each group of directions, divided by the number of rounds.
        squares: the same of u (ε² − 1), from which scales are learned; None if they are not.
        usable: scalar bool, whether any fitness is finite.
    """

    gradient: jax.Array
    squares: jax.Array | None
    usable: jax.Array


class UpdateInfo(NamedTuple):
    """Diagnostics of one update, all scalars.

    Attributes:
        gradient_norm: of the gradient's tangent coordinates.
        update_norm: of the step's; 0 where there was no update.
        manifold_violation: the largest of any leaf, after the update.
        sigma: the perturbations' standard deviation in this generation.
    """

    gradient_norm: jax.Array
    update_norm: jax.Array
    manifold_violation: jax.Array
    sigma: jax.Array
