"""A residual block whose kernels are functions of depth: x ← x + η F(x, K(t_i)), i = 1..L."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.act.activations import activate
from odes_rl.continuous.convolution import convolve
from odes_rl.continuous.normalising import Scaled, Statistics
from odes_rl.flows.trajectories.trajectory import Params
from odes_rl.manifolds import Euclidean
from odes_rl.supervised.models.depth import FlowGradient, LayersGradient, through_depth
from odes_rl.supervised.models.images.kernels import MakeTrajectory, kernels


class Form(NamedTuple):
    """The form of a block.

    Attributes:
        make: trajectory of the kernels.
        times: [L] at which kernels are taken.
        step: η.
        sides: of the kernels, one convolution after another.
        bottleneck: the channels between convolutions are this part of those outside.
        scaled: normalisation before each convolution.
        activation: name of the nonlinearity f.
        time: whether the time is one more channel of each convolution.
        gradient: how gradients come back through the steps.
    """

    make: MakeTrajectory
    times: jax.Array
    step: float
    sides: Sequence[int]
    bottleneck: int
    scaled: Scaled
    activation: str
    time: bool
    gradient: FlowGradient | LayersGradient


class Block(NamedTuple):
    """A block as pure functions; `stored` statistics are [L, c] for each convolution, or None.

    Attributes:
        init: `init(key) -> params`.
        manifolds: mirrors `params`.
        apply: `apply(params, x [B, H, W, c], stored) -> x`, after the last step.
        trace: `trace(params, x, stored, shifts [L, B, H, W, c] or None) -> (x, states [L, B, H, W, c], statistics)`:
            the same, with each step's state after it, to which a shift is added, and its batch's statistics.
        kernels: `kernels(params) -> ` [L, k, k, n, m] of each convolution.
        channels: of the states before each convolution.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    apply: Callable[..., jax.Array]
    trace: Callable[..., Any]
    kernels: Callable[[Params], list[jax.Array]]
    channels: tuple[int, ...]


def block(form: Form, channels: int) -> Block:
    """F(x) = K_k ∗ f(N(… K_1 ∗ f(N(x)))), with normalisation and f before each convolution (He et al. 2016).

    With one convolution ẋ = K(t) ∗ f(N(x)), a NANODE of convolutions (Davis et al. 2020). Gains and shifts of the
    normalisation N are the same at all depths. With `time` each convolution sees t as one more channel, by kernels that
    start at zero and do not depend on depth.

    With another adjoint than `direct`, kernels that are functions of time are not kept: each step makes its own.

    Raises:
        ValueError: if the trajectory's factory refuses its options.
    """
    inner = channels // form.bottleneck
    sizes = [channels, *[inner] * (len(form.sides) - 1), channels]
    parts = [
        kernels(form.make, side, n, m, householder=form.scaled.kind == "householder")
        for side, n, m in zip(form.sides, sizes, sizes[1:], strict=False)
    ]
    ends = [(part, side, n, m) for part, side, n, m in zip(parts, form.sides, sizes, sizes[1:], strict=False)]
    times = {"time": Euclidean()} if form.time else {}
    asked = form.gradient.adjoint != "direct" and all(part.at is not None for part in parts)
    manifolds = [{"kernels": part.manifolds, "scaling": form.scaled.manifolds} | times for part in parts]

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, len(parts))
        return [
            {"kernels": part.init(k), "scaling": form.scaled.init(n)}
            | ({"time": jnp.zeros((side, side, 1, m))} if form.time else {})
            for k, (part, side, n, m) in zip(keys, ends, strict=True)
        ]

    def along(params: Params) -> list[jax.Array]:
        return [part.along(own["kernels"], form.times) for part, own in zip(parts, params, strict=True)]

    def shared_by_all(params: Params, x: jax.Array) -> Any:
        """What all steps share; the time's channel is convolved once for all."""
        ones = jnp.ones((1, *x.shape[1:3], 1), x.dtype)
        return [(own["scaling"], convolve(ones, own["time"]) if form.time else None) for own in params]

    def apply(params: Params, x: jax.Array, stored: list[Statistics] | None) -> jax.Array:
        shared = shared_by_all(params, x)
        if not asked:
            layers = (along(params), form.times, stored)
            return through_depth(partial(_step, form), x, shared, layers, form.gradient)
        own_kernels = [own["kernels"] for own in params]
        layers = (form.times, stored)
        return through_depth(partial(_step, form), x, (shared, own_kernels), layers, form.gradient, prepare)

    def prepare(shared: Any, layer: Any) -> Any:
        """A step's own kernels, made when it is taken."""
        (of_all, params), (t, stored) = shared, layer
        weights = [part.along(own, t[None])[0] for part, own in zip(parts, params, strict=True)]
        return of_all, (weights, t, stored)

    def trace(params: Params, x: jax.Array, stored: list[Statistics] | None, shifts: jax.Array | None = None) -> Any:
        layers = (along(params), form.times, stored)
        return _traced(form, x, shared_by_all(params, x), layers, shifts)

    return Block(init, manifolds, apply, trace, along, tuple(sizes[:-1]))


def _change(form: Form, x: jax.Array, shared: Any, layer: Any) -> tuple[jax.Array, list[Statistics | None]]:
    """F(x) in one layer, and the statistics that its normalisations used."""

    @partial(jax.checkpoint, prevent_cse=False)  # it is cheap to make again, and large to keep
    def normalised(scaling: Params, x: jax.Array, stored: Statistics | None) -> tuple[jax.Array, Statistics | None]:
        x, found = form.scaled.apply(scaling, x, stored)
        return activate(form.activation, x), found

    weights, t, stored = layer
    seen = []
    for index, ((scaling, time), kernel) in enumerate(zip(shared, weights, strict=True)):
        x, found = normalised(scaling, x, None if stored is None else stored[index])
        x = convolve(x, kernel)
        x = x if time is None else x + t * time
        seen.append(found)
    return x, seen


def _step(form: Form, x: jax.Array, own: tuple[Any, Any]) -> jax.Array:
    return x + form.step * _change(form, x, *own)[0]


def _traced(form: Form, x: jax.Array, shared: Any, layers: Any, shifts: jax.Array | None) -> Any:
    """As `Block.trace`, of kernels that are known."""

    def one(x: jax.Array, given: Any) -> Any:
        layer, shift = given
        moved, seen = _change(form, x, shared, layer)
        x = x + form.step * moved
        x = x if shift is None else x + shift
        return x, (x, seen)

    x, (states, seen) = lax.scan(one, x, (layers, shifts))
    return x, states, seen
