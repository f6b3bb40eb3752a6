"""Pixels with few levels as data of a density: dequantised, each made normal by its own levels, then made independent.

Levels k with noise u ∈ [0, 1) have a density x ↦ p_k that is constant on each level. Its distribution function F leads
them to the standard normal, z = Φ⁻¹(F(x)), pixel by pixel (a copula); a triangular factor takes correlations away.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm

LEVELS = 17
"""Values of a pixel, 0 to 16."""
_EDGE = 1e-6
"""F is kept this far from 0 and 1."""


class Copula(NamedTuple):
    """Independent standard normal entries w [B, d] of levels [B, d] with noise.

    Attributes:
        shares: [d, LEVELS] p_k of each pixel, positive.
        factor: [d, d] lower triangular, z = `factor` w.
    """

    shares: jax.Array
    factor: jax.Array

    def normal(self, levels: jax.Array, noise: jax.Array) -> jax.Array:
        """Z [B, d] of levels [B, d] and their noise in [0, 1)."""
        below = jnp.cumsum(self.shares, axis=1) - self.shares
        pixel = jnp.arange(levels.shape[1])
        reached = below[pixel, levels] + noise * self.shares[pixel, levels]
        return norm.ppf(jnp.clip(reached, _EDGE, 1 - _EDGE))

    def independent(self, z: jax.Array) -> jax.Array:
        """W [B, d] of z [B, d]."""
        return jax.scipy.linalg.solve_triangular(self.factor, z.T, lower=True).T

    def log_volume(self, levels: jax.Array, z: jax.Array) -> jax.Array:
        """[B] log |det ∂w/∂x| of x, levels with noise, of which one has a volume of 1."""
        pixel = jnp.arange(levels.shape[1])
        steepness = jnp.log(self.shares[pixel, levels]) - norm.logpdf(z)
        return jnp.sum(steepness, -1) - jnp.sum(jnp.log(jnp.diag(self.factor)))

    def levels(self, w: jax.Array) -> jax.Array:
        """[B, d] levels of w [B, d], without their noise."""
        reached = norm.cdf(w @ self.factor.T)
        return jnp.sum(reached[..., None] > jnp.cumsum(self.shares, axis=1)[:, :-1], axis=-1)


def counted(values: np.ndarray) -> np.ndarray:
    """[d, LEVELS] shares of the levels of each pixel of `values` [N, d], each counted once more than it occurs."""
    counts = np.stack([np.bincount(pixel, minlength=LEVELS) for pixel in values.T]) + 1.0
    return counts / counts.sum(axis=1, keepdims=True)


def copula_of(values: np.ndarray, key: jax.Array, ridge: float = 0.05) -> Copula:
    """By counts and correlations of levels [N, d]; `ridge` is the share of the identity in the correlation."""
    size = values.shape[1]
    alone = Copula(jnp.asarray(counted(values), jnp.float32), jnp.eye(size))
    z = np.asarray(alone.normal(jnp.asarray(values), jax.random.uniform(key, values.shape)), np.float64)
    correlation = (1 - ridge) * np.corrcoef(z.T) + ridge * np.eye(size)
    return alone._replace(factor=jnp.asarray(np.linalg.cholesky(correlation), jnp.float32))


def levels_of(images: np.ndarray) -> np.ndarray:
    """[N, 64] levels 0 to 16 of images [N, 8, 8] of bytes."""
    return np.round(images.reshape(len(images), -1) * ((LEVELS - 1) / 255)).astype(np.int32)


def bits(log_p: Any, dimensions: int) -> Any:
    """Bits a dimension of `log_p`, in nats."""
    return -log_p / (dimensions * np.log(2.0))


def independent_bits(shares: np.ndarray, values: np.ndarray) -> np.ndarray:
    """[N] bits a dimension of levels [N, d], if pixels are independent with `shares` [d, LEVELS]."""
    return -np.log2(shares[np.arange(values.shape[1]), values]).mean(axis=1)
