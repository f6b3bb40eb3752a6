"""What a model must have for it to be learnt by gradients."""

from collections.abc import Callable
from typing import Any, Protocol

import jax

Params = Any
Examples = tuple[jax.Array, ...]
"""Arrays [N, …] of N examples: inputs, then what else there is, such as labels."""
Measures = dict[str, jax.Array]
"""Name → scalar."""


class Learnable(Protocol):
    """A model that brings its own loss, and what else is measured: `Model`, `VideoModel`, or one of your own."""

    @property
    def init(self) -> Callable[..., Params]:
        """`init(key) -> params`."""
        ...

    @property
    def manifolds(self) -> Any:
        """A pytree that mirrors `params`, with the `Manifold` of each leaf."""
        ...

    @property
    def settle(self) -> Callable[..., Params] | None:
        """`settle(params, inputs) -> params`, after an epoch: what is measured on training inputs and not learnt."""
        ...

    @property
    def at_once(self) -> int:
        """Number of examples that an evaluation processes at once."""
        ...

    def measure(self, params: Params, examples: Examples, key: jax.Array | None) -> tuple[jax.Array, Measures]:
        """The mean loss of `examples`, whose inputs are floats from 0 to 1, and means of what else is measured.

        In training it draws from `key`; None is for evaluation.
        """
        ...
