"""Kernels of convolutions as functions of depth, from any trajectory of square matrices."""

from collections.abc import Callable
from math import gcd
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.flows.trajectories.householder import reflections
from odes_rl.flows.trajectories.trajectory import Params, Trajectory

MakeTrajectory = Callable[[int], Trajectory]
"""`make(h)`, a trajectory of matrices [h, h]."""


class Kernels(NamedTuple):
    """Kernels t ↦ K(t) as pure functions.

    Attributes:
        init: `init(key) -> params`.
        manifolds: mirrors `params`.
        along: `along(params, times [L]) -> [L, k, k, n, m]`, kernels from n channels to m.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    along: Callable[[Params, jax.Array], jax.Array]


def kernels(make: MakeTrajectory, side: int, inputs: int, outputs: int, *, householder: bool = False) -> Kernels:
    """Kernels of `side` k from n = `inputs` channels to m = `outputs`, put together of trajectories of square matrices.

    As a matrix [m, k²n] a kernel consists of square blocks, of size gcd(n, m). Each follows a trajectory of its own,
    with parameters that have an axis [blocks] before their own, and is divided by √b, b the number of blocks in a row:
    entries of variance 1/h in a trajectory give kernels of variance 1/fan-in. If the blocks are orthogonal and there is
    one row of them, as for m = n, the kernel has orthonormal rows: it is a point of the Stiefel manifold St(m, k²n).

    `householder` takes the rows of that matrix as the vectors of m reflections, and the first m rows of their product
    as the kernel: orthonormal too, whatever the trajectory (Davis et al. 2020, §2.5).

    Raises:
        ValueError: if `householder` has more outputs than k²n.
    """
    size = gcd(inputs, outputs)
    rows, columns = outputs // size, side**2 * inputs // size
    if householder and outputs > side**2 * inputs:
        raise ValueError(f"outputs are {outputs}, but {side**2 * inputs} inputs have no so many orthonormal rows")
    trajectory = make(size)

    def init(key: jax.Array) -> Params:
        return jax.vmap(trajectory.init)(jax.random.split(key, rows * columns))

    def along(params: Params, times: jax.Array) -> jax.Array:
        blocks = jax.vmap(trajectory.weights, (0, None))(params, times) / columns**0.5
        count = times.shape[0]
        placed = blocks.reshape(rows, columns, count, size, size).transpose(2, 0, 3, 1, 4)
        matrices = placed.reshape(count, outputs, side**2 * inputs)
        if householder:
            matrices = reflections(matrices, rows=outputs)
        return jnp.moveaxis(matrices, 1, 2).reshape(count, side, side, inputs, outputs)

    return Kernels(init, trajectory.manifolds, along)


def as_matrices(kernel: jax.Array) -> jax.Array:
    """[..., m, k²n] the matrices of kernels [..., k, k, n, m]."""
    *before, k, _, n, m = kernel.shape
    return jnp.moveaxis(kernel.reshape(*before, k * k * n, m), -1, -2)
