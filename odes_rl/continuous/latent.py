"""Latent ODE: an encoder backwards in time, a latent flow, a decoder (Chen et al. 2018, §5; Rubanova et al. 2019)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.continuous.affine_layer import AFFINE, affine, init_affine
from odes_rl.continuous.fields import network_field
from odes_rl.continuous.gaussian import Gaussian, from_standard, sample
from odes_rl.continuous.recurrent import gated_unit, summary
from odes_rl.continuous.solving import Solving, solve
from odes_rl.flows.trajectories.trajectory import Params


class LatentODE(NamedTuple):
    """ż = f(z) from z(0) ~ q(z | seen), x(t) = d(z(t)), as pure functions.

    Attributes:
        init: `init(key) -> params`.
        manifolds: mirrors `params`.
        encode: `encode(params, values [B, T, n], seen [B, T], times [T]) -> q(z)` at times[0], from what is seen.
        decode: `decode(params, z [B, k], times [T]) -> [B, T, n]`, from z at times[0].
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    encode: Callable[[Params, jax.Array, jax.Array, jax.Array], Gaussian]
    decode: Callable[[Params, jax.Array, jax.Array], jax.Array]


def latent_ode(value_size: int, latent: int, width: int, encoder: int, solving: Solving) -> LatentODE:
    """A latent ODE with `latent` entries, field and decoder with a hidden layer of `width`, `encoder` recurrent units.

    A batch is one state, solved once to all times.
    """
    cell = gated_unit(value_size + 1, encoder)
    field = network_field(latent, (width,))
    decoder = network_field(latent, (width,), value_size)
    parts = {"cell": cell.manifolds, "posterior": AFFINE, "field": field.manifolds, "decoder": decoder.manifolds}

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, 4)
        posterior = init_affine(keys[1], encoder, 2 * latent)
        drawn = {"field": field.init(keys[2]), "decoder": decoder.init(keys[3])}
        return {"cell": cell.init(keys[0]), "posterior": posterior, **drawn}

    def encode(params: Params, values: jax.Array, seen: jax.Array, times: jax.Array) -> Gaussian:
        h = summary(cell, params["cell"], values[:, ::-1], seen[:, ::-1], times[::-1])
        both = affine(params["posterior"], h)
        return Gaussian(both[:, :latent], both[:, latent:])

    def decode(params: Params, z: jax.Array, times: jax.Array) -> jax.Array:
        none = jnp.zeros((z.shape[0], 0))
        states = solve(solving, lambda t, z, p: field.apply(p, t, z, none), params["field"], z, times).states
        return decoder.apply(params["decoder"], times[0], states, none).swapaxes(0, 1)

    return LatentODE(init, parts, encode, decode)


def log_likelihood(mean: jax.Array, values: jax.Array, seen: jax.Array, deviation: float) -> jax.Array:
    """[B] log p of what is seen of `values` [B, T, n] at `seen` [B, T], normal around `mean` with this deviation."""
    size = values.shape[-1]
    values = jnp.where(seen[..., None], values, 0.0)  # or an unseen NaN would be one in the gradient
    squares = jnp.sum((mean - values) ** 2, axis=-1) / deviation**2
    return jnp.sum(jnp.where(seen, -(squares + size * jnp.log(2 * jnp.pi * deviation**2)) / 2, 0.0), axis=-1)


def evidence_bound(
    model: LatentODE,
    params: Params,
    key: jax.Array,
    values: jax.Array,
    seen: jax.Array,
    asked: jax.Array,
    times: jax.Array,
    deviation: float,
) -> jax.Array:
    """[B] E_q log p(values where `asked` | z) − KL(q(z | values where `seen`) ‖ N(0, 1)), with one draw of z."""
    q = model.encode(params, values, seen, times)
    mean = model.decode(params, sample(key, q), times)
    return log_likelihood(mean, values, asked, deviation) - from_standard(q)
