"""Kernels of convolutions as functions of depth, from any trajectory of square matrices."""

from collections.abc import Callable
from math import gcd
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.act.activations import activate
from odes_rl.continuous.convolution import convolve
from odes_rl.continuous.fields import Field, interpolated
from odes_rl.flows.trajectories.householder import reflections
from odes_rl.flows.trajectories.trajectory import Params, Trajectory
from odes_rl.manifolds import Euclidean

MakeTrajectory = Callable[[int], Trajectory]
"""`make(h)`, a trajectory of matrices [h, h]."""


class Kernels(NamedTuple):
    """Kernels t ↦ K(t) as pure functions.

    Attributes:
        init: `init(key) -> params`.
        manifolds: mirrors `params`.
        along: `along(params, times [L]) -> [L, k, k, n, m]`, kernels from n channels to m.
        at: `at(params, t) -> [k, k, n, m]`, those at any one time of [0, 1], for solvers that choose their times; None
            where they flow from each of the times to the next.
        jumps: times inside [0, 1] at which `at` is not continuous.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    along: Callable[[Params, jax.Array], jax.Array]
    at: Callable[[Params, jax.Array], jax.Array] | None
    jumps: tuple[float, ...]


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

    def placed(blocks: jax.Array) -> jax.Array:
        """[L, k, k, n, m] of blocks [rows · columns, L, h, h]."""
        count = blocks.shape[1]
        divided = (blocks / columns**0.5).reshape(rows, columns, count, size, size)
        matrices = divided.transpose(2, 0, 3, 1, 4).reshape(count, outputs, side**2 * inputs)
        if householder:
            matrices = reflections(matrices, rows=outputs)
        return jnp.moveaxis(matrices, 1, 2).reshape(count, side, side, inputs, outputs)

    def along(params: Params, times: jax.Array) -> jax.Array:
        return placed(jax.vmap(trajectory.weights, (0, None))(params, times))

    def at(params: Params, t: jax.Array) -> jax.Array:
        assert trajectory.at is not None
        return placed(jax.vmap(trajectory.at, (0, None))(params, t)[:, None])[0]

    at_times = at if trajectory.at is not None else None
    return Kernels(init, trajectory.manifolds, along, at_times, trajectory.jumps)


def kernel_field(make: MakeTrajectory, side: int, channels: int, nodes: int = 100, activation: str = "tanh") -> Field:
    """ż = σ(K(t) ∗ z + b) of images z [B, H, W, channels], with kernels of `side` wherever a solver asks for them.

    The convolutional form of `trajectory_field`: K(t) = Σ_j α_j ψ_j(t) is the Galerkin form of Massaroli et al. 2020.
    Kernels that flow themselves are computed once a solve at the times i/`nodes`, and linear between them. b starts at
    zero.
    """
    own = kernels(make, side, channels, channels)

    def init(key: jax.Array) -> Params:
        return {"kernels": own.init(key), "bias": jnp.zeros(channels)}

    def prepare(params: Params) -> Params:
        if own.at is not None:
            return params
        return params | {"kernels": own.along(params["kernels"], jnp.arange(nodes + 1) / nodes)}

    def apply(prepared: Params, t: jax.Array, z: jax.Array, x: jax.Array) -> jax.Array:
        K = (own.at or interpolated)(prepared["kernels"], t)
        return activate(activation, convolve(z, K) + prepared["bias"])

    return Field(init, {"kernels": own.manifolds, "bias": Euclidean()}, prepare, apply, own.jumps)


def as_matrices(kernel: jax.Array) -> jax.Array:
    """[..., m, k²n] the matrices of kernels [..., k, k, n, m]."""
    *before, k, _, n, m = kernel.shape
    return jnp.moveaxis(kernel.reshape(*before, k * k * n, m), -1, -2)
