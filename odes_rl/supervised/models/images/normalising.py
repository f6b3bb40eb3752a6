"""Normalisation of hidden images: by batches, by groups of channels, or by nothing."""

from math import gcd
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.flows.trajectories.trajectory import Params
from odes_rl.manifolds import Euclidean

Normalisation = Literal["group", "batch", "householder", "none"]
_EPSILON = 1e-5


class Statistics(NamedTuple):
    """Moments of each channel over examples and places, [c] each, or [L, c] of the layers of a block."""

    mean: Any
    variance: Any


class Scaled(NamedTuple):
    """How states are normalised, and scaled then.

    Attributes:
        kind: `householder` normalises kernels, and no states.
        groups: of channels, for `group`; the greatest common divisor with the number of channels counts.
    """

    kind: Normalisation
    groups: int

    def init(self, channels: int) -> Params:
        """`shift` [c], zero, and where states are normalised `gain` [c], one."""
        shift = {"shift": jnp.zeros(channels)}
        return shift | ({"gain": jnp.ones(channels)} if self.kind in ("group", "batch") else {})

    @property
    def manifolds(self) -> dict[str, Euclidean]:
        """Mirror the parameters."""
        names = ["shift", "gain"] if self.kind in ("group", "batch") else ["shift"]
        return dict.fromkeys(names, Euclidean())

    def apply(self, params: Params, x: jax.Array, stored: Statistics | None) -> tuple[jax.Array, Statistics | None]:
        """The states x [B, H, W, c] normalised, times the gain, plus the shift; and the batch's statistics, if used.

        `batch` uses those of the batch itself, or the `stored` ones where they are given (Ioffe & Szegedy 2015).
        `group` normalises each example by itself (Wu & He 2018).
        """
        found = None
        if self.kind == "group":
            x = self._by_groups(x)
        elif self.kind == "batch":
            found = stored or Statistics(jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2)))
            x = (x - found.mean) * lax.rsqrt(found.variance + _EPSILON)
        return (x * params["gain"] if "gain" in params else x) + params["shift"], found

    def _by_groups(self, x: jax.Array) -> jax.Array:
        groups = gcd(self.groups, x.shape[-1])
        parts = x.reshape(*x.shape[:-1], groups, -1)
        mean = jnp.mean(parts, (1, 2, 4), keepdims=True)
        variance = jnp.var(parts, (1, 2, 4), keepdims=True)
        return ((parts - mean) * lax.rsqrt(variance + _EPSILON)).reshape(x.shape)
