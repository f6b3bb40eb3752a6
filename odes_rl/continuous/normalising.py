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
        if self.kind not in ("group", "batch"):
            return x + params["shift"], None
        used = self._of_groups(x) if self.kind == "group" else stored or self._of_batch(x)
        scale = lax.rsqrt(used.variance + _EPSILON) * params["gain"]
        # One product and one sum an entry: what is small is put together first.
        return x * scale + (params["shift"] - used.mean * scale), used if self.kind == "batch" else None

    def _of_batch(self, x: jax.Array) -> Statistics:
        near = lax.stop_gradient(x[0, 0, 0])  # about 0, squares of means that are large would cancel
        mean, square = jnp.mean(x - near, (0, 1, 2)), jnp.mean((x - near) ** 2, (0, 1, 2))
        return Statistics(near + mean, jnp.maximum(square - mean**2, 0))

    def _of_groups(self, x: jax.Array) -> Statistics:
        """Of each example [B, 1, 1, c], alike for the channels of a group; first over places, where the work is."""
        channels = x.shape[-1]
        groups = gcd(self.groups, channels)
        width = channels // groups
        near = lax.stop_gradient(jnp.repeat(x[:, :1, :1, ::width], width, -1))  # as above
        moments = jnp.stack([jnp.mean(x - near, (1, 2)), jnp.mean((x - near) ** 2, (1, 2))])
        of_groups = jnp.mean(moments.reshape(2, x.shape[0], groups, -1), -1)
        mean, square = jnp.repeat(of_groups, width, -1)[:, :, None, None]
        return Statistics(near + mean, jnp.maximum(square - mean**2, 0))
