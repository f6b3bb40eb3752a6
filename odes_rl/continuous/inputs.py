"""Input networks x ↦ z(0): where a state begins, and how much larger it is than the input."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.flows.trajectories.trajectory import Params
from odes_rl.manifolds import Euclidean
from odes_rl.manifolds.matrix_functions import matmul


class Inputs(NamedTuple):
    """An input network as pure functions.

    Attributes:
        init: `init(key) -> params`.
        manifolds: mirrors `params`.
        apply: `apply(params, x [B, …, n]) -> z(0) [B, …, m]`.
        size: entries of one example's state.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    apply: Callable[[Params, jax.Array], jax.Array]
    size: int


def identity(input_size: int) -> Inputs:
    """z(0) = x."""
    return _without_parameters(lambda x: x, input_size)


def zeros_added(input_size: int, added: int) -> Inputs:
    """z(0) = [x, 0]: zero augmentation by `added` entries (Dupont et al. 2019, "Augmented neural ODEs")."""
    return _without_parameters(lambda x: _with_zeros(x, added), input_size + added)


def linear(input_size: int, size: int) -> Inputs:
    """z(0) = A x + a: input-layer augmentation where `size` is above `input_size` (Massaroli et al. 2020).

    A starts normal with deviation 1/√n, a at zero.
    """

    def init(key: jax.Array) -> Params:
        return {"weight": Euclidean().random(key, (size, input_size)), "bias": jnp.zeros(size)}

    def apply(params: Params, x: jax.Array) -> jax.Array:
        return matmul(x, params["weight"].T) + params["bias"]

    return Inputs(init, {"weight": Euclidean(), "bias": Euclidean()}, apply, size)


def at_rest(inner: Inputs, order: int = 2) -> Inputs:
    """z(0) = [q, 0, …] with q(0) of an `inner` network: a state of that `order` that starts at rest."""

    def apply(params: Params, x: jax.Array) -> jax.Array:
        q = inner.apply(params, x)
        return _with_zeros(q, (order - 1) * q.shape[-1])

    return inner._replace(apply=apply, size=order * inner.size)


def at_places(inner: Inputs, count: int) -> Inputs:
    """The `inner` network at each of `count` places of images x [B, side, side, n]: z(0) has as many places."""
    return inner._replace(size=count * inner.size)


def _without_parameters(apply: Callable[[jax.Array], jax.Array], size: int) -> Inputs:
    return Inputs(lambda key: {}, {}, lambda params, x: apply(x), size)


def _with_zeros(x: jax.Array, added: int) -> jax.Array:
    return jnp.concatenate([x, jnp.zeros((*x.shape[:-1], added), x.dtype)], axis=-1)
