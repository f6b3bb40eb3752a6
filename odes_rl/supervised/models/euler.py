"""Steps x ← x + η f(W_i x + b_i), whose derivative takes the products of all steps with W's change at once."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.act.activations import activate


@partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def euler_steps(activation: str, step: float, count: int, x: jax.Array, W: jax.Array, b: jax.Array) -> jax.Array:
    """x_L [B, h] of x_i = x_{i−1} + `step` · f(W_i x_{i−1} + b_i), i = 1..L, L = `count`.

    The derivative of a scan would multiply step by step. Here, what W's change does to the steps is one product of
    matrices before them, and in a gradient one after them, with L·B rows where W is the same in all steps.

    Args:
        activation: name of f.
        step: η.
        count: number of steps.
        x: [B, h], x_0.
        W: [L, h, h], or [h, h] if the W_i are the same.
        b: [L, h], or [h] likewise.
    """
    return lax.scan(
        lambda x, own: (x + step * activate(activation, _affine(x, own, W, b)), None), x, _own(W, b), count
    )[0]


@euler_steps.defjvp
def _euler_steps_jvp(
    activation: str, step: float, count: int, primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]
) -> tuple[jax.Array, jax.Array]:
    x, W, b = primals
    x_change, W_change, b_change = tangents

    def advance(x: jax.Array, own: Any) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        z = _affine(x, own, W, b)
        y, slope = jax.jvp(partial(activate, activation), (z,), (jnp.ones_like(z),))
        return x + step * y, (x, step * slope)

    def change(moved: jax.Array, layer: Any) -> tuple[jax.Array, None]:
        own, slope, pushed = layer
        return moved + slope * _affine(moved, own, W, pushed), None

    end, (states, slopes) = lax.scan(advance, x, _own(W, b), count)
    pushed = states @ W_change.mT + (b_change[:, None] if b.ndim == 2 else b_change)
    return end, lax.scan(change, x_change, ((_own(W, b)[0], None), slopes, pushed))[0]


def _own(W: jax.Array, b: jax.Array) -> tuple[jax.Array | None, jax.Array | None]:
    """What each step has for itself."""
    return W if W.ndim == 3 else None, b if b.ndim == 2 else None


def _affine(x: jax.Array, own: Any, W: jax.Array, b: jax.Array) -> jax.Array:
    """W_i x + b_i, where a step's `own` are in place of those of all."""
    own_W, own_b = own
    return x @ (W if own_W is None else own_W).T + (b if own_b is None else own_b)
