"""Weights as a sum of fixed functions of time with matrices as coefficients."""

import jax

from odes_rl.manifolds.matrix_functions import matmul


def expand(coefficients: jax.Array, values: jax.Array) -> jax.Array:
    """[L, h, h] Σ_k values[:, k] · coefficients[k], for values [L, K] of K functions, coefficients [K, h, h]."""
    return matmul(values, coefficients.reshape(coefficients.shape[0], -1)).reshape(-1, *coefficients.shape[1:])
