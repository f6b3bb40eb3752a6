"""Vector fields ż = f(t, z; x): small networks, convolutions, and any weight trajectory."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.act.activations import activate
from odes_rl.continuous.affine_layer import AFFINE, affine, init_affine
from odes_rl.continuous.convolution import convolve
from odes_rl.continuous.normalising import Scaled
from odes_rl.flows.trajectories.trajectory import Params, Trajectory
from odes_rl.manifolds import Euclidean
from odes_rl.manifolds.matrix_functions import matmul


class Field(NamedTuple):
    """A vector field as pure functions.

    Attributes:
        init: `init(key) -> params`.
        manifolds: mirrors `params`.
        prepare: `prepare(params) -> prepared`, what does not depend on t or z, once a solve.
        apply: `apply(prepared, t, z [B, h], x [B, n]) -> ż [B, h]`; x is the network's input, for data control. Fields
            of images have [B, side, side, channels] in place of [B, h].
        jumps: times at which it is not continuous in t.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    prepare: Callable[[Params], Any]
    apply: Callable[[Any, jax.Array, jax.Array, jax.Array], jax.Array]
    jumps: tuple[float, ...] = ()


def network_field(
    size: int,
    widths: Sequence[int],
    output_size: int | None = None,
    *,
    activation: str = "tanh",
    time: bool = False,
    control: int = 0,
) -> Field:
    """f(u) = W_k σ(… σ(W_1 u + b_1) …) + b_k with u = [z, t, x]: t if `time`, x ∈ ℝ^`control` if there is control.

    Massaroli et al. 2020, "Dissecting neural ODEs": ż = f_θ(s, x, z). Weights start normal with deviation 1/√fan-in,
    biases at zero. `size` is that of z, `output_size` that of ż, where it differs.
    """
    sizes = [size + time + control, *widths, output_size or size]
    layers = len(sizes) - 1
    manifolds = [AFFINE] * layers

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, layers)
        return [init_affine(k, n, m) for k, n, m in zip(keys, sizes, sizes[1:], strict=False)]

    def apply(params: Params, t: jax.Array, z: jax.Array, x: jax.Array) -> jax.Array:
        parts = [z, *([jnp.broadcast_to(t, (*z.shape[:-1], 1))] if time else []), *([x] if control else [])]
        u = jnp.concatenate(parts, axis=-1)
        for index, layer in enumerate(params):
            u = u if index == 0 else activate(activation, u)
            u = affine(layer, u)
        return u

    return Field(init, manifolds, lambda params: params, apply)


def trajectory_field(size: int, trajectory: Trajectory, nodes: int = 100, activation: str = "abs") -> Field:
    """ż = σ(W(t) z + b) with weights from any trajectory on [0, 1], wherever the solver asks for them.

    Weights that flow themselves are computed once a solve, in `nodes` steps: they are what the flow's method gives at
    the times i/`nodes`, i = 0..nodes, and linear between them, an error that no tolerance of the solver sees.
    """
    manifolds = {"trajectory": trajectory.manifolds, "bias": Euclidean()}

    def init(key: jax.Array) -> Params:
        return {"trajectory": trajectory.init(key), "bias": jnp.zeros(size)}

    def prepare(params: Params) -> Any:
        if trajectory.at is not None:
            return params
        times = jnp.arange(nodes + 1) / nodes
        return params | {"trajectory": trajectory.weights(params["trajectory"], times)}

    def apply(prepared: Any, t: jax.Array, z: jax.Array, x: jax.Array) -> jax.Array:
        W = (trajectory.at or interpolated)(prepared["trajectory"], t)
        return activate(activation, matmul(z, W.T) + prepared["bias"])

    return Field(init, manifolds, prepare, apply, trajectory.jumps)


def interpolated(values: jax.Array, t: jax.Array) -> jax.Array:
    """[…] the piecewise linear function of t ∈ [0, 1] with `values` [n + 1, …] at the times i/n."""
    last = values.shape[0] - 1
    place = jnp.clip(t, 0, 1) * last
    place = jnp.where(jnp.abs(place - jnp.round(place)) < 1e-4, jnp.round(place), place)  # a solver's rounding of i/n
    left = jnp.clip(jnp.floor(place).astype(jnp.int32), 0, last - 1)
    share = (place - left).astype(values.dtype)
    return (1 - share) * values[left] + share * values[left + 1]


def convolution_field(
    channels: int,
    width: int,
    output_channels: int | None = None,
    *,
    activation: str = "tanh",
    time: bool = False,
    groups: int | None = None,
) -> Field:
    """F of images z [B, side, side, channels]: three convolutions, 3×3, 1×1 and 3×3, with `width` channels between.

    The activation stands between convolutions. With `groups` it stands before each of them, and before it the states
    are normalised over as many groups of channels (He et al. 2016; Wu & He 2018). With `time`, t is one more channel of
    the first convolution. Kernels start normal with deviation 1/√fan-in, biases at zero. `output_channels` are those of
    ż, where they differ.
    """
    sizes = [channels + time, width, width, output_channels or channels]
    shapes = [(k, k, n, m) for k, n, m in zip((3, 1, 3), sizes, sizes[1:], strict=False)]
    scaled = Scaled("group", groups or 1)
    scaling = {"scaling": scaled.manifolds} if groups else {}
    manifolds = [{"kernel": Euclidean(), "bias": Euclidean()} | scaling] * len(shapes)

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, len(shapes))
        return [
            {"kernel": jax.random.normal(k, s) / math.prod(s[:3]) ** 0.5, "bias": jnp.zeros(s[3])}
            | ({"scaling": scaled.init(n)} if groups else {})
            for k, s, n in zip(keys, shapes, (channels, width, width), strict=True)
        ]

    def seen(index: int, layer: Params, u: jax.Array) -> jax.Array:
        """What the convolution of that index sees of the states before it, but for the time."""
        if groups:
            u, _ = scaled.apply(layer["scaling"], u, None)
        return activate(activation, u) if groups or index > 0 else u

    def apply(params: Params, t: jax.Array, z: jax.Array, x: jax.Array) -> jax.Array:
        u = z
        for index, layer in enumerate(params):
            u = seen(index, layer, u)
            if time and index == 0:
                u = jnp.concatenate([u, jnp.broadcast_to(t, (*u.shape[:-1], 1))], axis=-1)
            u = convolve(u, layer["kernel"]) + layer["bias"]
        return u

    return Field(init, manifolds, lambda params: params, apply)


def higher_order(inner: Field, order: int = 2) -> Field:
    """q⁽ⁿ⁾ = f(t, [q, q̇, …, q⁽ⁿ⁻¹⁾]; x), n = `order`, on z = [q, q̇, …], for an inner field from all of z to q⁽ⁿ⁾.

    Of second order q̇ = p, ṗ = f (Massaroli et al. 2020).
    """

    def apply(prepared: Any, t: jax.Array, z: jax.Array, x: jax.Array) -> jax.Array:
        return jnp.concatenate([z[..., z.shape[-1] // order :], inner.apply(prepared, t, z, x)], axis=-1)

    return inner._replace(apply=apply)
