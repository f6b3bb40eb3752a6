"""Recurrent networks over irregular times: a gated recurrent unit, and a forecaster that runs on its own output."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.continuous.affine_layer import AFFINE, affine, init_affine
from odes_rl.flows.trajectories.trajectory import Params
from odes_rl.manifolds import Euclidean


class Cell(NamedTuple):
    """A recurrent cell as pure functions.

    Attributes:
        init: `init(key) -> params`.
        manifolds: mirrors `params`.
        apply: `apply(params, u [B, n], h [B, m]) -> h [B, m]`, from an input and a state to the next state.
        size: m.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    apply: Callable[[Params, jax.Array, jax.Array], jax.Array]
    size: int


def gated_unit(input_size: int, size: int) -> Cell:
    """Gated recurrent unit, h ↦ z∘h + (1 − z)∘tanh(W_n[u, r∘h] + b_n) with r, z = σ(W_r,z[u, h] + b_r,z).

    Cho et al. 2014, "Learning phrase representations". Weights start normal with deviation 1/√fan-in, biases at
    zero. `weight` and `bias` hold r, z and the candidate n in this order.
    """

    def init(key: jax.Array) -> Params:
        return {"weight": Euclidean().random(key, (3, size, input_size + size)), "bias": jnp.zeros((3, size))}

    def apply(params: Params, u: jax.Array, h: jax.Array) -> jax.Array:
        def of_both(index: int, h: jax.Array) -> jax.Array:
            return affine({name: leaf[index] for name, leaf in params.items()}, jnp.concatenate([u, h], -1))

        reset, update = jax.nn.sigmoid(of_both(0, h)), jax.nn.sigmoid(of_both(1, h))
        return update * h + (1 - update) * jnp.tanh(of_both(2, reset * h))

    return Cell(init, AFFINE, apply, size)


def summary(cell: Cell, params: Params, values: jax.Array, seen: jax.Array, times: jax.Array) -> jax.Array:
    """[B, m] the state after what is seen of `values` [B, T, n] at `times` [T]; only where `seen` [B, T] counts.

    Inputs are values and the time since the one before, [B, n + 1]. Times may rise or fall.
    """
    values = _zero_where_unseen(values, seen)

    def step(carry: tuple[jax.Array, jax.Array], now: Any) -> tuple[tuple[jax.Array, jax.Array], None]:
        h, last = carry
        value, here, t = now
        u = jnp.concatenate([value, (t - last)[:, None]], -1)
        h = jnp.where(here[:, None], cell.apply(params, u, h), h)
        return (h, jnp.where(here, t, last)), None

    examples = values.shape[0]
    start = (jnp.zeros((examples, cell.size)), jnp.broadcast_to(times[0], (examples,)))
    return lax.scan(step, start, (values.swapaxes(0, 1), seen.T, times))[0][0]


class Forecaster(NamedTuple):
    """A recurrent network that says the value at a time from what was seen before.

    Attributes:
        init: `init(key) -> params`.
        manifolds: mirrors `params`.
        apply: `apply(params, values [B, T, n], seen [B, T], times [T], own) -> [B, T, n]`, at each time from what is
            seen at earlier ones; after `own` (a time), its own predictions stand for the values that are seen.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    apply: Callable[..., jax.Array]


def forecaster(value_size: int, size: int) -> Forecaster:
    """A gated unit whose inputs are the last value and the time from it to the next, and an affine map to the next.

    The recurrent network beside which Chen et al. 2018, §5, set the latent ODE.
    """
    cell = gated_unit(value_size + 1, size)
    manifolds = {"cell": cell.manifolds, "output": AFFINE}

    def init(key: jax.Array) -> Params:
        first, last = jax.random.split(key)
        return {"cell": cell.init(first), "output": init_affine(last, size, value_size)}

    def apply(
        params: Params, values: jax.Array, seen: jax.Array, times: jax.Array, own: float | jax.Array = jnp.inf
    ) -> jax.Array:
        def step(carry: tuple[jax.Array, jax.Array, jax.Array], now: Any) -> tuple[Any, jax.Array]:
            h, value, last = carry
            new, here, t = now
            moved = cell.apply(params["cell"], jnp.concatenate([value, (t - last)[:, None]], -1), h)
            predicted = affine(params["output"], moved)
            new = jnp.where(t > own, predicted, new)
            following = (jnp.where(here[:, None], moved, h), jnp.where(here[:, None], new, value))
            return (*following, jnp.where(here, t, last)), predicted

        values, examples = _zero_where_unseen(values, seen), values.shape[0]
        start = jnp.zeros((examples, size)), jnp.zeros((examples, value_size)), jnp.full((examples,), times[0])
        return lax.scan(step, start, (values.swapaxes(0, 1), seen.T, times))[1].swapaxes(0, 1)

    return Forecaster(init, manifolds, apply)


def _zero_where_unseen(values: jax.Array, seen: jax.Array) -> jax.Array:
    """`values` [B, T, n], 0 where they are not `seen` [B, T]: NaN there would be NaN in the gradient."""
    return jnp.where(seen[..., None], values, 0.0)
