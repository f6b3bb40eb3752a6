"""Diagonal normal distributions: samples, and the divergence of one from another."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Gaussian(NamedTuple):
    """Means and logarithms of variances, [..., d] each."""

    mean: jax.Array
    log_variance: jax.Array


def sample(key: jax.Array, gaussian: Gaussian) -> jax.Array:
    """[..., d] drawn from `gaussian`, differentiable in it (Kingma & Welling 2014)."""
    return gaussian.mean + jnp.exp(gaussian.log_variance / 2) * jax.random.normal(key, gaussian.mean.shape)


def divergence(one: Gaussian, other: Gaussian) -> jax.Array:
    """[...] KL(one ‖ other) in nats, ½ Σ (log σ₂²/σ₁² + (σ₁² + (μ₁ − μ₂)²)/σ₂² − 1)."""
    difference = one.log_variance - other.log_variance
    distance = (one.mean - other.mean) ** 2 * jnp.exp(-other.log_variance)
    return jnp.sum(jnp.exp(difference) + distance - 1 - difference, -1) / 2


def from_standard(gaussian: Gaussian) -> jax.Array:
    """[...] KL(gaussian ‖ N(0, 1)) in nats."""
    return divergence(gaussian, Gaussian(*map(jnp.zeros_like, gaussian)))
