"""Directions in which candidates leave the current parameters."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from odes_rl.manifolds import Stiefel
from odes_rl.matrix_functions import matmul

Perturbations = Callable[[jax.Array, int, int], jax.Array]
"""`perturbations(key, count, size) -> [count, size]`, each row a direction, its entries standard normal."""


def gaussian(key: jax.Array, count: int, size: int) -> jax.Array:
    """[count, size] independent normal entries."""
    return jax.random.normal(key, (count, size))


def orthogonal(key: jax.Array, count: int, size: int) -> jax.Array:
    """[count, size] rows that are orthogonal within blocks of at most `size`, each row alone still Gaussian.

    Directions are Haar-distributed, lengths those of independent Gaussian vectors (Choromanski et al. 2018,
    "Structured evolution with compact architectures for scalable policy optimization", §3.2).
    """
    block = min(count, size)
    blocks = -(-count // block)
    direction_key, length_key = jax.random.split(key)
    rows = Stiefel().random(direction_key, (blocks, block, size)).reshape(blocks * block, size)[:count]
    lengths = jnp.linalg.norm(jax.random.normal(length_key, (count, size)), axis=1, keepdims=True)
    return rows * lengths


PERTURBATIONS: dict[str, Perturbations] = {"gaussian": gaussian, "orthogonal": orthogonal}
"""All kinds by name."""


def estimate_gradient(utilities: jax.Array, directions: jax.Array, sigma: jax.Array | float) -> jax.Array:
    """[size] Euclidean gradient estimate Σ_c u_c (±ε_c) / (C σ).

    Equation 7 of Choromanski et al. 2020. `utilities` [P, signs] hold one value for each sign of a direction
    in `directions` [P, size]: one column (+), or two (+, −) for antithetic pairs; C is their number.
    """
    signed = utilities[:, 0] - utilities[:, 1] if utilities.shape[1] == 2 else utilities[:, 0]
    return matmul(signed, directions) / (utilities.size * sigma)
